import { createHash } from 'node:crypto';
import type { Clock } from '../../src/host/clock.ts';
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

export interface ManualClock extends Clock {
  /** Moves both clocks and resolves the sleeps that end. */
  advance(ms: number): Promise<void>;
  /** Moves the wall clock only, in either direction. */
  skew(ms: number): void;
}

/** Time stands still until the test moves it. */
export function manualClock(start = Date.UTC(2026, 0, 1)): ManualClock {
  let wall = start;
  let mono = 0;
  let sleepers: { until: number; wake: () => void }[] = [];
  return {
    now: () => wall,
    monotonic: () => mono,
    skew: (ms) => {
      wall += ms;
    },
    sleep: (ms, signal) =>
      new Promise((resolve, reject) => {
        if (signal?.aborted) return reject(signal.reason);
        const sleeper = { until: mono + ms, wake: resolve };
        sleepers.push(sleeper);
        signal?.addEventListener('abort', () => {
          sleepers = sleepers.filter((other) => other !== sleeper);
          reject(signal.reason);
        });
      }),
    async advance(ms) {
      const target = mono + ms;
      for (;;) {
        await settle();
        const due = sleepers.filter(({ until }) => until <= target);
        const next = due.sort((a, b) => a.until - b.until)[0];
        if (next === undefined) break;
        wall += Math.max(0, next.until - mono);
        mono = Math.max(mono, next.until);
        sleepers = sleepers.filter((other) => other !== next);
        next.wake();
      }
      wall += target - mono;
      mono = target;
      await settle();
    },
  };
}

/** Lets everything that was woken run until it waits again, real file calls included. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn += 1) await machine.clock.sleep(0);
}

export function testHost(changes: Partial<Host> = {}): Host {
  return { ...machine, ...changes };
}
