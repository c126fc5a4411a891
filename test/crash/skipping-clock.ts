import type { Clock } from '../../src/host/clock.ts';
import { machine } from '../../src/host/host.ts';

/** This machine's clock, which can be moved on: a lease nobody renews becomes stale in no time. */
export function skippingClock(): Clock & { skip(ms: number): void } {
  const { clock } = machine;
  let skipped = 0;
  return {
    now: () => clock.now() + skipped,
    monotonic: () => clock.monotonic() + skipped,
    sleep: (ms, signal) => clock.sleep(ms, signal),
    skip: (ms) => {
      skipped += ms;
    },
  };
}
