import type { Instant } from '../../content/instant.ts';
import type { Lsn } from '../../engines/postgres/lsn.ts';
import type { SegmentCoverage } from './coverage.ts';

/** What the WAL record index of one segment tells target selection. */
export interface SegmentFacts {
  readonly transactions: readonly TransactionEnd[];
  readonly restorePoints: readonly RestorePoint[];
  /** End-of-recovery records: the moment a new timeline began to live. */
  readonly timelineStarts: readonly { readonly timeline: number; readonly at: Instant }[];
}

export interface TransactionEnd {
  readonly kind: 'commit' | 'abort';
  readonly xid: number;
  readonly at: Instant;
  /** First byte after the record. */
  readonly end: Lsn;
}

export interface RestorePoint {
  readonly name: string;
  readonly at: Instant;
  readonly end: Lsn;
}

/** Reads the index kept beside a stored segment; never the segment itself. */
export type ReadSegmentFacts = (segment: SegmentCoverage) => Promise<SegmentFacts>;
