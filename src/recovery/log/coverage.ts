import { coveredPrefix } from '../../content/covered-prefix.ts';
import { parseWalFileName } from '../../engines/postgres/wal/segment-name.ts';
import type { LogPiece } from '../../repository/log/log-piece.ts';

/** One WAL segment of one timeline, as far as the repository holds it. */
export interface SegmentCoverage {
  readonly timeline: number;
  /** Position of the segment in the log: its first LSN ÷ segment size. */
  readonly number: bigint;
  readonly name: string;
  /** Bytes held from the segment's first byte on, without a hole. */
  readonly covered: number;
  readonly pieces: readonly LogPiece[];
}

/** Timeline → segment number → what is held of it. */
export type LogCoverage = ReadonlyMap<number, ReadonlyMap<bigint, SegmentCoverage>>;

export async function readLogCoverage(options: {
  readonly pieces: AsyncIterable<LogPiece>;
  readonly segmentSize: number;
}): Promise<LogCoverage> {
  const grouped = new Map<string, LogPiece[]>();
  for await (const piece of options.pieces) {
    const pieces = grouped.get(piece.segment);
    if (pieces) pieces.push(piece);
    else grouped.set(piece.segment, [piece]);
  }
  const coverage = new Map<number, Map<bigint, SegmentCoverage>>();
  for (const [name, pieces] of grouped) {
    const file = parseWalFileName(name, options.segmentSize);
    if (file?.kind !== 'segment') continue;
    const { timeline, number } = file;
    const branch = coverage.get(timeline) ?? new Map<bigint, SegmentCoverage>();
    branch.set(number, { timeline, number, name, covered: coveredPrefix(pieces), pieces });
    coverage.set(timeline, branch);
  }
  return coverage;
}
