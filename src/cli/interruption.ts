/** Which exit code a shell gives a process that a signal ended: 128 + its number. */
const EXIT_CODES = { SIGINT: 130, SIGTERM: 143 } as const;

export type StopSignal = keyof typeof EXIT_CODES;

/**
 * Turns SIGINT and SIGTERM into an abort, so that a command can finish what it must. A second
 * signal ends the process at once.
 */
export class Interruption implements Disposable {
  readonly #controller = new AbortController();
  #received: StopSignal | undefined;
  readonly #onSignal = (name: StopSignal) => {
    if (this.#received) this.#killBy(name);
    else this.interrupt(name);
  };

  constructor() {
    for (const name of Object.keys(EXIT_CODES)) process.on(name, this.#onSignal);
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  get received(): StopSignal | undefined {
    return this.#received;
  }

  get exitCode(): number | undefined {
    return this.#received && EXIT_CODES[this.#received];
  }

  interrupt(name: StopSignal): void {
    this.#received = name;
    this.#controller.abort();
  }

  /** process.exit would wait for a thread that the kernel holds: in open(2) of a dead mount, say. */
  #killBy(name: StopSignal): void {
    process.off(name, this.#onSignal);
    process.kill(process.pid, name);
  }

  [Symbol.dispose](): void {
    for (const name of Object.keys(EXIT_CODES)) process.off(name, this.#onSignal);
  }
}
