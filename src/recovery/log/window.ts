import { type Lsn, lsn, parseLsn } from '../../engines/postgres/lsn.ts';
import type { PostgresSnapshotDocument } from '../../engines/postgres/snapshot-document.ts';
import type { TimelineStretch } from '../../engines/postgres/wal/timeline-history.ts';
import { HoldfastError } from '../../errors/holdfast-error.ts';
import type { LogCoverage } from './coverage.ts';
import { type LogPath, liesOnPath, walkLog } from './log-path.ts';

/** A snapshot as target selection sees it. */
export interface SnapshotPoint {
  readonly id: string;
  readonly document: PostgresSnapshotDocument;
}

/** Every position in `[from, to]` on this timeline restores. */
export interface RestorableRange {
  readonly from: Lsn;
  readonly to: Lsn;
  /** The oldest snapshot the range starts from. */
  readonly snapshot: string;
}

export interface TimelineWindow {
  readonly timeline: number;
  readonly path: LogPath;
  readonly ranges: readonly RestorableRange[];
  /** Between two ranges, and why: the first segment that is missing. */
  readonly gaps: readonly { readonly from: Lsn; readonly to: Lsn; readonly segment: string }[];
}

/**
 * What can be restored on one timeline, beyond the fork it began at.
 *
 * A range begins where a snapshot became consistent (or at the fork, when an ancestor's snapshot
 * leads there) and ends where the log is no longer held without a hole.
 */
export function timelineWindow(options: {
  readonly path: LogPath;
  readonly coverage: LogCoverage;
  readonly segmentSize: number;
  readonly snapshots: readonly SnapshotPoint[];
}): TimelineWindow {
  const { path, coverage, segmentSize } = options;
  const own = ownStretch(path);
  const points = options.snapshots
    .map(({ id, document }) => ({
      id,
      timeline: document.stopTimeline,
      start: parseLsn(document.startLsn),
      stop: parseLsn(document.stopLsn),
    }))
    .filter(({ timeline, stop }) => liesOnPath(path, timeline, stop))
    .sort((a, b) => (a.stop < b.stop ? -1 : 1));

  const ranges: RestorableRange[] = [];
  const gaps: { from: Lsn; to: Lsn; segment: string }[] = [];
  let open: { gap: string | null } | undefined;
  for (const { id, start, stop } of points) {
    const last = ranges.at(-1);
    if (last && stop <= last.to) continue;
    const walk = walkLog({ path, coverage, segmentSize, from: start });
    if (walk.end < stop || walk.end <= own.begin) continue;
    const from = stop > own.begin ? stop : own.begin;
    if (last) gaps.push({ from: last.to, to: from, segment: open?.gap ?? '' });
    ranges.push({ from, to: walk.end, snapshot: id });
    open = { gap: walk.gap };
  }
  const held = heldEnd(coverage, own.timeline, segmentSize);
  const last = ranges.at(-1);
  if (last && open?.gap && held > last.to) {
    gaps.push({ from: last.to, to: held, segment: open.gap });
  }
  return { timeline: own.timeline, path, ranges, gaps };
}

/** A path ends with the timeline it leads to. */
function ownStretch(path: LogPath): TimelineStretch {
  const own = path.at(-1);
  if (!own) throw new HoldfastError('INTERNAL', { reason: 'a timeline without a path' });
  return own;
}

/** The highest position held of a timeline, holes or not. */
function heldEnd(coverage: LogCoverage, timeline: number, segmentSize: number): Lsn {
  let end = 0n;
  for (const { number, covered } of coverage.get(timeline)?.values() ?? []) {
    const reached = number * BigInt(segmentSize) + BigInt(covered);
    if (reached > end) end = reached;
  }
  return lsn(end);
}
