import type { Clock } from '../host/clock.ts';

/** Seconds spent in named phases of a recovery; measured, never asserted. */
export class Phases {
  readonly #clock: Clock;
  readonly #seconds: Record<string, number> = {};

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get seconds(): Readonly<Record<string, number>> {
    return { ...this.#seconds };
  }

  /** Adds up when a phase is entered more than once. */
  async measure<Result>(phase: string, run: () => Promise<Result>): Promise<Result> {
    const started = this.#clock.monotonic();
    try {
      return await run();
    } finally {
      const spent = (this.#clock.monotonic() - started) / 1000;
      this.#seconds[phase] = Math.round(((this.#seconds[phase] ?? 0) + spent) * 1000) / 1000;
    }
  }
}
