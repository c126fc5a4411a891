import type { TestContext } from 'node:test';
import { soaking } from '../support/soak.ts';
import { Attempts, type Outcome } from './attempts.ts';
import { seeded } from './seeded.ts';

/** Every backup reads the commits before it: a repository is left before it grows long. */
const ROUNDS = 40;

/**
 * Makes backups fail, one after the other, at one of their calls each: in the soak run at every
 * one in turn, else at `few` of them by seed.
 */
export async function failInTurn(
  context: TestContext,
  options: {
    readonly few: number;
    /** How many calls a backup makes. */
    readonly count: (attempts: Attempts) => Promise<number>;
    readonly fail: (round: {
      readonly attempts: Attempts;
      readonly nth: number;
      /** Whether this is early enough for the backup to need what comes after. */
      readonly early: boolean;
      readonly below: (limit: number) => number;
    }) => Promise<Outcome>;
  },
): Promise<void> {
  const { seed, below } = seeded(context);
  const began = performance.now();
  let attempts = await Attempts.start();
  let failed = 0;
  try {
    const calls = await options.count(attempts);
    const chosen = soaking
      ? Array.from({ length: calls }, (_, call) => call + 1)
      : Array.from({ length: options.few }, () => 1 + below(calls));
    for (const [round, nth] of chosen.entries()) {
      if (round > 0 && round % ROUNDS === 0) {
        await attempts[Symbol.asyncDispose]();
        attempts = await Attempts.start();
      }
      try {
        if ('error' in (await options.fail({ attempts, nth, early: nth <= calls / 2, below })))
          failed++;
      } catch (cause) {
        throw new Error(`HOLDFAST_SEED=${seed}: after a fault at call ${nth} of ${calls}`, {
          cause,
        });
      }
    }
    const seconds = Math.round((performance.now() - began) / 1_000);
    context.diagnostic(
      `${chosen.length} faults in ${calls} calls, ${failed} backups failed, ${seconds} s`,
    );
  } finally {
    await attempts[Symbol.asyncDispose]();
  }
}
