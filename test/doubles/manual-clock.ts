import { setImmediate } from 'node:timers/promises';
import type { Clock } from '../../src/host/clock.ts';
import type { Store } from '../../src/store/store.ts';

export interface ManualClock extends Clock {
  /** Moves both clocks, and wakes the sleeps that end, each at its time. */
  advance(ms: number): Promise<void>;
  /** Moves the wall clock only, in either direction. */
  skew(ms: number): void;
  /** A store whose calls the clock waits for before it moves on. */
  watch(store: Store): Store;
}

/** Time stands still until the test moves it. */
export function manualClock(start = Date.UTC(2026, 0, 1)): ManualClock {
  let wall = start;
  let mono = 0;
  let inFlight = 0;
  let sleepers: { until: number; wake: () => void }[] = [];

  /** Until everything that was woken sleeps again or is done. */
  const settle = async () => {
    for (let quiet = 0; quiet < 10; quiet += 1) {
      await setImmediate();
      if (inFlight > 0) quiet = 0;
    }
  };
  const counted = async <T>(result: Promise<T>): Promise<T> => {
    inFlight += 1;
    try {
      return await result;
    } finally {
      inFlight -= 1;
    }
  };
  const moveTo = (time: number) => {
    wall += Math.max(0, time - mono);
    mono = Math.max(mono, time);
  };

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
        const [next] = sleepers.sort((a, b) => a.until - b.until);
        if (next === undefined || next.until > target) break;
        moveTo(next.until);
        sleepers = sleepers.filter((other) => other !== next);
        next.wake();
      }
      moveTo(target);
      await settle();
    },
    watch: (store) => ({
      location: store.location,
      put: (key, body) => counted(store.put(key, body)),
      get: (key, range) => counted(store.get(key, range)),
      stat: (key) => counted(store.stat(key)),
      list: (prefix) => store.list(prefix),
      remove: (key) => counted(store.remove(key)),
      read: (key) => counted(store.read(key)),
      replace: (key, body, expected) => counted(store.replace(key, body, expected)),
      discard: (key, expected) => counted(store.discard(key, expected)),
    }),
  };
}
