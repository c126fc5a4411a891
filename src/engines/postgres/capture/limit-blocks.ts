import { formatLsn, type Lsn } from '../lsn.ts';
import type { Connection } from '../protocol/connection.ts';
import { type RelationFile, SEGMENT_PAGES } from './relation-path.ts';

const FORK = { main: 0, fsm: 1, vm: 2, init: 3 } as const;

/**
 * The shortest length, in pages, each relation fork was truncated to since the parent.
 *
 * The server's own truncation_block_length is the file's current length. A relation truncated by
 * VACUUM and regrown by a bulk extension ends in pages that were never WAL-logged: absent from the
 * incremental file, below the truncation length, and thus taken from the parent, where dead rows
 * still lie. (Reported to pgsql-hackers 2026-07-29; reproduced in limit-blocks.test.ts.) The WAL
 * summaries know better, and any role may read them.
 */
export class LimitBlocks {
  readonly #limits: ReadonlyMap<string, number>;

  constructor(limits: ReadonlyMap<string, number>) {
    this.#limits = limits;
  }

  /** Pages of this segment that may still be the parent's; Infinity when it was not truncated. */
  forSegment(file: RelationFile): number {
    const key = `${file.tablespace}/${file.database}/${file.filenode}/${FORK[file.fork]}`;
    const limit = this.#limits.get(key);
    if (limit === undefined) return Number.POSITIVE_INFINITY;
    return Math.max(0, limit - file.segment * SEGMENT_PAGES);
  }
}

/** From the summaries that overlap the WAL between `since` and `until`, on any timeline. */
export async function readLimitBlocks(options: {
  readonly sql: Connection;
  readonly since: Lsn;
  readonly until: Lsn;
  readonly signal?: AbortSignal | undefined;
}): Promise<LimitBlocks> {
  const [since, until] = [formatLsn(options.since), formatLsn(options.until)];
  const [limits] = await options.sql.query(
    `SELECT c.reltablespace, c.reldatabase, c.relfilenode, c.relforknumber, min(c.relblocknumber)
       FROM pg_catalog.pg_available_wal_summaries() s,
            pg_catalog.pg_wal_summary_contents(s.tli, s.start_lsn, s.end_lsn) c
      WHERE s.end_lsn > '${since}' AND s.start_lsn < '${until}' AND c.is_limit_block
      GROUP BY 1, 2, 3, 4`,
    { signal: options.signal },
  );
  return new LimitBlocks(
    new Map(
      (limits?.rows ?? []).map((row) => [row.slice(0, 4).join('/'), Number(row[4])] as const),
    ),
  );
}
