import type { Instant } from '../content/instant.ts';
import type { Lsn } from '../engines/postgres/lsn.ts';
import type { FlushedBy } from '../engines/postgres/wal/flushed-by.ts';

/** Marks closer together than this tell a person nothing. */
const SPACING_MICROS = 500_000;

/**
 * Until when the stored log is known to be complete. The server says now and then up to where its
 * log was flushed at a time; once everything up to there is stored, no earlier commit can be news.
 */
export class CoveredTime {
  readonly #marks: FlushedBy[] = [];
  #covered: Instant | undefined;

  /** Undefined until something said by the server is stored. */
  get time(): Instant | undefined {
    return this.#covered;
  }

  serverSaid(mark: FlushedBy): void {
    const last = this.#marks.at(-1);
    if (last?.end === mark.end) this.#marks.pop();
    else if (last && Math.abs(mark.time - last.time) < SPACING_MICROS) return;
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
