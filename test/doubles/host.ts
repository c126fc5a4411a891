import { createHash } from 'node:crypto';
import { type Host, machine } from '../../src/host/host.ts';
import type { Random } from '../../src/host/random.ts';

/** The same bytes for the same seed, in the same order of calls. */
export function seededRandom(seed: string): Random {
  let drawn = 0;
  return {
    bytes(length) {
      const blocks: Buffer[] = [];
      for (let at = 0; at < length; at += 32) {
        blocks.push(createHash('sha256').update(`${seed}/${drawn++}`).digest());
      }
      return Buffer.concat(blocks).subarray(0, length);
    },
  };
}

export function testHost(changes: Partial<Host> = {}): Host {
  return { ...machine, ...changes };
}
