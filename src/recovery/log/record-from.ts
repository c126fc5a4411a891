import type { Lsn } from '../../engines/postgres/lsn.ts';
import { RecordReader } from '../../engines/postgres/wal/record-reader.ts';
import { segmentStart } from '../../engines/postgres/wal/segment-name.ts';
import type { Repository } from '../../repository/repository.ts';
import type { SegmentCoverage } from './coverage.ts';
import { readCoveredSegment } from './read-segment.ts';

/**
 * Whether a whole record that begins at or after the position is held: at the first of them
 * recovery_target_lsn stops, and without one PostgreSQL dies at the end of the log.
 */
export type HasRecordFrom = (request: {
  /** In the order of the log, without a hole. */
  readonly segments: readonly SegmentCoverage[];
  readonly lsn: Lsn;
}) => Promise<boolean>;

/** Reads the log itself, mostly of one segment: the index does not know every record. */
export function recordsHeld(options: {
  readonly repository: Repository;
  readonly segmentSize: number;
}): HasRecordFrom {
  const { repository, segmentSize } = options;
  return async ({ segments, lsn }) => {
    const first = segmentStart(lsn, segmentSize);
    let found = false;
    let tail: Buffer | undefined;
    for (const segment of segments) {
      const start = (segment.number * BigInt(segmentSize)) as Lsn;
      if (start < first) continue;
      const reader = new RecordReader({
        start,
        segmentSize,
        tail,
        keep: () => true,
        onRecord: (record) => {
          found ||= record.start >= lsn;
        },
      });
      reader.push(await readCoveredSegment({ repository, segment }));
      if (found || reader.stopped || segment.covered < segmentSize) break;
      tail = reader.tail();
    }
    return found;
  };
}
