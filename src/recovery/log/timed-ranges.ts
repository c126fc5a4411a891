import type { FollowerPosition } from '../../capture/follower-position.ts';
import { type Instant, instant, parseInstant } from '../../content/instant.ts';
import type { Lsn } from '../../engines/postgres/lsn.ts';
import type { LogCoverage, SegmentCoverage } from './coverage.ts';
import type { ReadSegmentFacts } from './log-facts.ts';
import { walkLog } from './log-path.ts';
import type { RestorableRange, SnapshotPoint, TimelineWindow } from './window.ts';

/** A restorable range with its ends on the clock of the source. */
export interface TimedRange extends RestorableRange {
  readonly timeline: number;
  readonly fromTime: Instant;
  /** Everything up to here is known to be held; a later commit would be news. */
  readonly throughTime: Instant;
}

/** Puts times to a timeline's ranges by reading the index at each end, not the log between. */
export async function timeRanges(options: {
  readonly window: TimelineWindow;
  readonly coverage: LogCoverage;
  readonly segmentSize: number;
  readonly snapshots: readonly SnapshotPoint[];
  readonly readFacts: ReadSegmentFacts;
  readonly follower: FollowerPosition | null;
}): Promise<TimedRange[]> {
  const { window, coverage, segmentSize, snapshots, readFacts, follower } = options;
  const { path, timeline } = window;
  const ranges: TimedRange[] = [];
  for (const range of window.ranges) {
    const snapshot = snapshots.find(({ id }) => id === range.snapshot);
    if (!snapshot) continue;
    const consistent = parseInstant(snapshot.document.stoppedAt);
    const { segments } = walkLog({ path, coverage, segmentSize, from: range.from });
    const own = segments.filter((segment) => segment.timeline === timeline);
    const began = await timelineStart(own, timeline, readFacts);
    const fromTime = began !== null && began > consistent ? began : consistent;
    const last = await lastTransaction(own, range.to, readFacts);
    const reported =
      follower?.timeline === timeline && follower.lsn >= range.from && follower.lsn <= range.to
        ? follower.time
        : fromTime;
    const throughTime = instant(Math.max(fromTime, last ?? fromTime, reported));
    ranges.push({ ...range, timeline, fromTime, throughTime });
  }
  return ranges;
}

/** When the timeline began: null for one whose first segments are not held, or the first of all. */
async function timelineStart(
  segments: readonly SegmentCoverage[],
  timeline: number,
  readFacts: ReadSegmentFacts,
): Promise<Instant | null> {
  for (const segment of segments.slice(0, 2)) {
    const { timelineStarts } = await readFacts(segment);
    const start = timelineStarts.find((candidate) => candidate.timeline === timeline);
    if (start) return start.at;
  }
  return null;
}

async function lastTransaction(
  segments: readonly SegmentCoverage[],
  to: Lsn,
  readFacts: ReadSegmentFacts,
): Promise<Instant | null> {
  for (const segment of [...segments].reverse()) {
    const { transactions } = await readFacts(segment);
    const times = transactions.filter(({ end }) => end <= to).map(({ at }) => at);
    if (times.length > 0) return times.reduce((a, b) => (a > b ? a : b));
  }
  return null;
}
