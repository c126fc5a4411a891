import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import type { Clock } from './clock.ts';
import type { FileSystem } from './file-system.ts';
import type { Random } from './random.ts';

/** Everything that differs between this machine and a simulation of one. */
export interface Host {
  readonly clock: Clock;
  readonly random: Random;
  readonly fs: FileSystem;
}

/** The machine this process runs on. */
export const machine: Host = {
  clock: {
    now: () => Date.now(),
    monotonic: () => performance.now(),
    sleep: async (ms, signal) => {
      await setTimeout(ms, undefined, { signal });
    },
  },
  random: { bytes: (length) => randomBytes(length) },
  fs,
};
