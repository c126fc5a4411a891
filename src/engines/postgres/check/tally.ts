import type { Finding } from './check.ts';

const SHOWN = 3;

/** Counts what a check looked at, and keeps the first few problems for its detail. */
export class Tally {
  readonly #unit: string;
  readonly #problems: string[] = [];
  readonly #notes: string[] = [];
  #counted = 0;
  #wrong = 0;

  /** `unit` in the plural: "pages". */
  constructor(unit: string) {
    this.#unit = unit;
  }

  count(items = 1): void {
    this.#counted += items;
  }

  problem(text: string): void {
    this.#wrong++;
    if (this.#problems.length < SHOWN) this.#problems.push(text);
  }

  note(text: string): void {
    this.#notes.push(text);
  }

  finding(): Finding {
    const more = this.#wrong - this.#problems.length;
    const said = [...this.#problems, ...(more > 0 ? [`and ${more} more`] : [])];
    const looked = [`${this.#counted} ${this.#unit}`, ...this.#notes].join('; ');
    return {
      ok: this.#wrong === 0,
      detail: this.#wrong === 0 ? looked : `${said.join('; ')} (of ${looked})`,
      counted: this.#counted,
    };
  }
}
