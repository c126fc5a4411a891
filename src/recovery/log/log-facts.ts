import type { Instant } from '../../content/instant.ts';
import type { Lsn } from '../../engines/postgres/lsn.ts';
import type { WalEvent } from '../../engines/postgres/wal/segment-index.ts';
import type { SegmentCoverage } from './coverage.ts';

/** What the WAL record index of one segment tells target selection. */
export interface SegmentFacts {
  readonly transactions: readonly TransactionEnd[];
  readonly restorePoints: readonly RestorePoint[];
  /** The moments at which new timelines began to live. */
  readonly timelineStarts: readonly { readonly timeline: number; readonly at: Instant }[];
}

export interface TransactionEnd {
  readonly kind: 'commit' | 'abort';
  readonly xid: number;
  readonly at: Instant;
  /** First byte of the record: what recovery_target_lsn compares. */
  readonly start: Lsn;
  /** First byte after the record. */
  readonly end: Lsn;
}

export interface RestorePoint {
  readonly name: string;
  readonly at: Instant;
  readonly start: Lsn;
  readonly end: Lsn;
}

/** Reads the index kept beside a stored segment; never the segment itself. */
export type ReadSegmentFacts = (segment: SegmentCoverage) => Promise<SegmentFacts>;

export function segmentFacts(events: readonly WalEvent[]): SegmentFacts {
  const transactions: TransactionEnd[] = [];
  const restorePoints: RestorePoint[] = [];
  const timelineStarts: { timeline: number; at: Instant }[] = [];
  for (const event of events) {
    switch (event.kind) {
      case 'commit':
      case 'abort':
        transactions.push({
          kind: event.kind,
          xid: event.xid,
          at: event.time,
          start: event.start,
          end: event.end,
        });
        break;
      case 'restore-point':
        restorePoints.push({
          name: event.name,
          at: event.time,
          start: event.start,
          end: event.end,
        });
        break;
      // A promotion writes one or the other, by whether it could skip the checkpoint.
      case 'end-of-recovery':
      case 'checkpoint':
        if (event.timeline !== event.previousTimeline) {
          timelineStarts.push({ timeline: event.timeline, at: event.time });
        }
        break;
      case 'switch':
        break;
    }
  }
  return { transactions, restorePoints, timelineStarts };
}
