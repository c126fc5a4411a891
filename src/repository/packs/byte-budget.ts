interface Waiter {
  readonly bytes: number;
  readonly resolve: () => void;
}

/**
 * How many bytes may be in memory between a source and a drain.
 *
 * `add` never waits, for sources that cannot: they look at `relief`. `take` waits its turn.
 */
export class ByteBudget {
  readonly #limit: number;
  #used = 0;
  #relieved: (() => void)[] = [];
  readonly #waiters: Waiter[] = [];

  constructor(limit: number) {
    this.#limit = limit;
  }

  add(bytes: number): void {
    this.#used += bytes;
  }

  /** Resolves when `bytes` fit; something larger than the limit fits when nothing else is in. */
  async take(bytes: number): Promise<void> {
    if (this.#waiters.length === 0 && this.#fits(bytes)) {
      this.#used += bytes;
      return;
    }
    await new Promise<void>((resolve) => this.#waiters.push({ bytes, resolve }));
  }

  release(bytes: number): void {
    this.#used -= bytes;
    if (this.#used <= this.#limit / 2) this.relieve();
    for (let next = this.#waiters[0]; next && this.#fits(next.bytes); next = this.#waiters[0]) {
      this.#waiters.shift();
      this.#used += next.bytes;
      next.resolve();
    }
  }

  /** Undefined below the limit; above it a promise that resolves at half of it. */
  relief(): Promise<void> | undefined {
    if (this.#used <= this.#limit) return undefined;
    return new Promise((resolve) => this.#relieved.push(resolve));
  }

  /** Lets every source go on: to meet the failure that the drain met. */
  relieve(): void {
    const relieved = this.#relieved;
    this.#relieved = [];
    for (const resolve of relieved) resolve();
  }

  #fits(bytes: number): boolean {
    return this.#used === 0 || this.#used + bytes <= this.#limit;
  }
}
