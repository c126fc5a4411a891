import { type Lsn, lsn } from '../../engines/postgres/lsn.ts';
import { segmentName } from '../../engines/postgres/wal/segment-name.ts';
import type { TimelineStretch } from '../../engines/postgres/wal/timeline-history.ts';
import type { LogCoverage, SegmentCoverage } from './coverage.ts';

/** From the first ancestor to the timeline itself. */
export type LogPath = readonly TimelineStretch[];

/** Where a timeline's history starts and how far it is held without a hole. */
export interface Walk {
  readonly segments: readonly SegmentCoverage[];
  /** The log is held up to here, contiguously from where the walk began. */
  readonly end: Lsn;
  /** The first segment missing before later ones of the path: a gap, not the frontier. */
  readonly gap: string | null;
}

/** Whether a position reached on `timeline` lies on this path, not beyond a fork. */
export function liesOnPath(path: LogPath, timeline: number, position: Lsn): boolean {
  const stretch = path.find((candidate) => candidate.timeline === timeline);
  if (!stretch) return false;
  return stretch.end === null || position <= stretch.end;
}

/**
 * Follows the path from `from` over what the repository holds, as recovery will.
 *
 * At a fork the child's first segment begins with a copy of its parent's bytes, so it alone serves
 * the shared segment; the parent's own copy is used only while the child's has not arrived.
 */
export function walkLog(options: {
  readonly path: LogPath;
  readonly coverage: LogCoverage;
  readonly segmentSize: number;
  readonly from: Lsn;
}): Walk {
  const { path, coverage, segmentSize, from } = options;
  const size = BigInt(segmentSize);
  const segments: SegmentCoverage[] = [];
  let end = from;
  for (let number = from / size; ; number++) {
    const segment = segmentOnPath({ path, coverage, segmentSize, number });
    if (!segment) break;
    const reached = lsn(number * size + BigInt(segment.covered));
    if (segment.covered > 0) segments.push(segment);
    if (reached > end) end = reached;
    if (segment.covered < segmentSize) break;
  }
  return { segments, end, gap: firstMissing({ path, coverage, segmentSize, end }) };
}

function segmentOnPath(options: {
  readonly path: LogPath;
  readonly coverage: LogCoverage;
  readonly segmentSize: number;
  readonly number: bigint;
}): SegmentCoverage | undefined {
  const { path, coverage, segmentSize, number } = options;
  const size = BigInt(segmentSize);
  const begun = path.filter(({ begin }) => begin / size <= number).reverse();
  for (const { timeline, end } of begun) {
    const segment = coverage.get(timeline)?.get(number);
    if (!segment) {
      if (number === beginSegment(path, timeline, size)) continue;
      return undefined;
    }
    if (end === null) return segment;
    const shared = Number(end - number * size);
    return shared >= segmentSize
      ? segment
      : { ...segment, covered: Math.min(segment.covered, shared) };
  }
  return undefined;
}

const beginSegment = (path: LogPath, timeline: number, size: bigint) =>
  (path.find((stretch) => stretch.timeline === timeline)?.begin ?? 0n) / size;

/** The segment at `end`, when the path holds anything beyond it. */
function firstMissing(options: {
  readonly path: LogPath;
  readonly coverage: LogCoverage;
  readonly segmentSize: number;
  readonly end: Lsn;
}): string | null {
  const { path, coverage, segmentSize, end } = options;
  const number = end / BigInt(segmentSize);
  const beyond = path.some(({ timeline, end: forkedAt }) =>
    [...(coverage.get(timeline)?.values() ?? [])].some(
      (held) =>
        held.number > number && (forkedAt === null || held.number * BigInt(segmentSize) < forkedAt),
    ),
  );
  if (!beyond) return null;
  const owner = path.findLast(({ begin }) => begin / BigInt(segmentSize) <= number);
  return segmentName({ timeline: owner?.timeline ?? 0, number, segmentSize });
}
