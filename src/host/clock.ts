/** Time comes in through the context so that tests and simulations own it. */
export interface Clock {
  /** Wall-clock milliseconds since the Unix epoch. May jump in either direction. */
  now(): number;
  /** Milliseconds from an arbitrary start. Never decreases; the only clock for leases. */
  monotonic(): number;
  /** Resolves after `ms`; rejects with the signal's reason when aborted. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}
