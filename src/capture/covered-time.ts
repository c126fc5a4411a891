import type { Instant } from '../content/instant.ts';
import type { Lsn } from '../engines/postgres/lsn.ts';

interface Mark {
  /** The server's log ended here … */
  readonly end: Lsn;
  /** … at this time by its clock. */
  readonly time: Instant;
}

/** Marks closer together than this tell a person nothing. */
const SPACING_MICROS = 500_000;

/**
 * Until when the stored log is known to be complete. The server says now and then where its log
 * ends; once everything up to there is stored, no earlier commit can be news.
 */
export class CoveredTime {
  readonly #marks: Mark[] = [];
  #covered: Instant | undefined;

  /** Undefined until something said by the server is stored. */
  get time(): Instant | undefined {
    return this.#covered;
  }

  serverSaid(mark: Mark): void {
    const last = this.#marks.at(-1);
    if (last && mark.time - last.time < SPACING_MICROS && mark.end !== last.end) return;
    this.#marks.push(mark);
  }

  stored(upTo: Lsn): void {
    for (let mark = this.#marks[0]; mark && mark.end <= upTo; mark = this.#marks[0]) {
      this.#covered = mark.time;
      this.#marks.shift();
    }
  }

  /** Another timeline: what was said of the old one is void. */
  reset(): void {
    this.#marks.length = 0;
  }
}
