import { collectGarbage } from '../../host/collect-garbage.ts';
import type { SegmentCoverage } from '../log/coverage.ts';
import type { LogState } from '../log/log-state.ts';
import type { SpoolFile } from '../spool/wal-spool.ts';

/** Bytes of one segment as recovery must see it, whole. */
export type ReadSegment = (segment: SegmentCoverage) => Promise<Buffer>;

/**
 * The files recovery may ask for: every timeline history (PostgreSQL probes upward to choose a
 * new id, and reads its own ancestors), and the segments on the way to the target. The last
 * segment may be unfinished: the rest of it is zeroes, which ends the log as a crash would.
 */
export function logFiles(options: {
  readonly state: LogState;
  readonly segments: readonly SegmentCoverage[];
  readonly readSegment: ReadSegment;
}): SpoolFile[] {
  const { state, segments, readSegment } = options;
  const histories = [...state.histories.values()].map(({ name, bytes }) => ({
    name,
    fetch: async () => bytes,
  }));
  const files = segments.map((segment) => ({
    name: segment.name,
    fetch: async () => {
      // What was read before: 16 MiB a segment, and as much again in the pieces of it.
      collectGarbage();
      return padded(await readSegment(segment), state.segmentSize);
    },
  }));
  return [...histories, ...files];
}

function padded(bytes: Buffer, segmentSize: number): Buffer {
  if (bytes.length === segmentSize) return bytes;
  return Buffer.concat([bytes, Buffer.alloc(segmentSize - bytes.length)]);
}
