import { randomBytes } from 'node:crypto';
import type { TestContext } from 'node:test';
import { seededRandom } from '../doubles/host.ts';

/**
 * Whole numbers below a limit, the same ones for the same HOLDFAST_SEED. The seed is part of what a
 * failure says, so that it can be run again.
 */
export function seeded(context: TestContext): {
  readonly seed: string;
  readonly below: (limit: number) => number;
} {
  const seed = process.env.HOLDFAST_SEED ?? randomBytes(4).toString('hex');
  context.diagnostic(`HOLDFAST_SEED=${seed}`);
  const random = seededRandom(seed);
  return { seed, below: (limit) => random.bytes(6).readUIntBE(0, 6) % limit };
}
