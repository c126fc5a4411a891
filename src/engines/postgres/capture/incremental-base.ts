import { HoldfastError } from '../../../errors/holdfast-error.ts';
import { formatLsn, type Lsn } from '../lsn.ts';
import type { Connection } from '../protocol/connection.ts';
import { fetchTimelineHistory, identifySystem } from '../protocol/replication.ts';
import { isAncestor, parseTimelineHistory, type TimelineHistory } from '../wal/timeline-history.ts';
import { type LimitBlocks, readLimitBlocks } from './limit-blocks.ts';
import { parseManifest } from './manifest.ts';

export interface Position {
  readonly lsn: Lsn;
  readonly timeline: number;
}

/** A parent that was found to be an ancestor of the source. */
export interface IncrementalBase {
  /** What the WAL summaries between the parent and this backup's start say of truncations. */
  limits(start: Position): Promise<LimitBlocks>;
}

/**
 * Proves that every piece of WAL the parent needs lies in the source's own history. The server
 * looks at where the parent began only: it accepts one during which the source forked, whose pages
 * changed on the other timeline alone would stay for ever. (Named test in standby.test.ts.)
 */
export async function incrementalBase(options: {
  readonly manifest: Buffer;
  readonly sql: Connection;
  /** A replication session. */
  readonly connection: Connection;
  readonly signal: AbortSignal | undefined;
}): Promise<IncrementalBase> {
  const { connection, sql, signal } = options;
  const { walRanges } = parseManifest(options.manifest);
  const history = await readHistory(connection, signal);
  for (const { timeline, end } of walRanges) {
    if (isAncestor(history, timeline, end)) continue;
    throw new HoldfastError('POSTGRES_PARENT_NOT_ANCESTOR', {
      address: connection.peer.address,
      reason: `it ended at ${formatLsn(end)} of timeline ${timeline}, which timeline ${history.timeline} does not contain`,
    });
  }
  return {
    limits: async (start) => {
      if (!isAncestor(history, start.timeline, start.lsn)) {
        throw new HoldfastError('POSTGRES_PROMOTED_MEANWHILE', {
          address: connection.peer.address,
          reason: `the backup starts on timeline ${start.timeline}`,
        });
      }
      const since = walRanges.reduce(
        (least, { start: at }) => (at < least ? at : least),
        start.lsn,
      );
      return await readLimitBlocks({ sql, since, until: start.lsn, signal });
    },
  };
}

async function readHistory(
  connection: Connection,
  signal: AbortSignal | undefined,
): Promise<TimelineHistory> {
  const { timeline } = await identifySystem(connection, { signal });
  if (timeline === 1) return { timeline, ancestors: [] };
  const { bytes } = await fetchTimelineHistory(connection, timeline, { signal });
  return parseTimelineHistory(timeline, bytes);
}
