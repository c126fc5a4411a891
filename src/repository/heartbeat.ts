import type { Clock } from '../host/clock.ts';

/** Something that repeats in the background until stopped. */
export interface Heartbeat {
  /** Resolves once the current beat, if any, is over. Repeatable. */
  stop(): Promise<void>;
}

/** Calls `beat`, which answers the milliseconds until the next one, or undefined for never again. */
export function startHeartbeat(options: {
  clock: Clock;
  firstAfter: number;
  /** Must not reject. */
  beat: () => Promise<number | undefined>;
}): Heartbeat {
  const { clock, firstAfter, beat } = options;
  const stopped = new AbortController();
  const run = async () => {
    let wait: number | undefined = firstAfter;
    while (wait !== undefined) {
      try {
        await clock.sleep(wait, stopped.signal);
      } catch {
        // Only an abort ends a sleep early.
        return;
      }
      wait = await beat();
      if (stopped.signal.aborted) return;
    }
  };
  const running = run();
  return {
    async stop() {
      stopped.abort();
      await running;
    },
  };
}
