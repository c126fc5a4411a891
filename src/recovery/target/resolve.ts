import { formatInstant } from '../../content/instant.ts';
import { formatLsn, type Lsn, lsn, parseLsn } from '../../engines/postgres/lsn.ts';
import type { RecoveryTarget } from '../../engines/postgres/server/recovery-settings.ts';
import { HoldfastError } from '../../errors/holdfast-error.ts';
import type { SegmentCoverage } from '../log/coverage.ts';
import { walkLog } from '../log/log-path.ts';
import type { LogState } from '../log/log-state.ts';
import type { TimedRange } from '../log/timed-ranges.ts';
import type { SnapshotPoint } from '../log/window.ts';
import { type Located, newestSnapshotBefore, onlyRange, rangesHolding } from './choose.ts';
import { firstSegmentAfter } from './first-after.ts';
import { locateByName } from './locate.ts';
import { rangesOnPath } from './ranges-on-path.ts';
import type { Target } from './target.ts';

/** Everything a restore needs to know before it writes its first byte. */
export interface Resolution {
  readonly timeline: number;
  readonly snapshot: SnapshotPoint;
  /** `end`: replay all that is served, since the target lies at or past the last record held. */
  readonly stop: RecoveryTarget;
  /** The log recovery will read, in order. */
  readonly segments: readonly SegmentCoverage[];
  /** Where the log that is served ends. */
  readonly coveredTo: Lsn;
  /** What a person should know of the choice; empty when it is exactly what was asked. */
  readonly notes: readonly string[];
}

/**
 * Chooses timeline, snapshot and log for a target, or refuses with the choices.
 * Nothing is copied before this has answered.
 */
export async function resolveTarget(options: {
  readonly source: string;
  readonly state: LogState;
  readonly target: Target;
  readonly timeline?: number;
}): Promise<Resolution> {
  const { state, target, timeline } = options;
  if (state.snapshots.length === 0) {
    throw new HoldfastError('NO_SNAPSHOT', { source: options.source });
  }
  if (target.kind === 'snapshot') return atSnapshot({ ...options, id: target.id });

  const chosen = timeline !== undefined;
  const reachable = chosen ? await rangesOnPath(state, timeline) : state.ranges;
  if (target.kind === 'latest') return atLatest({ ...options, ranges: reachable });

  const located = await locate({ ...options, target });
  const holding = rangesHolding(reachable, located);
  const asked = describeTarget(target);
  const range = onlyRange({
    ranges: state.ranges,
    holding,
    asked,
    source: options.source,
    chosen,
  });
  const end = located.kind === 'lsn' ? located.lsn : range.to;
  return plan({ ...options, target, range, located, end });
}

function atLatest(options: {
  readonly source: string;
  readonly state: LogState;
  readonly ranges: readonly TimedRange[];
}): Promise<Resolution> {
  const range = options.ranges.toSorted(byTimelineThenEnd).at(-1);
  if (!range) {
    throw new HoldfastError('TARGET_OUTSIDE_WINDOW', {
      target: 'latest',
      source: options.source,
      ranges: 'none',
    });
  }
  const located: Located = { kind: 'lsn', lsn: range.to };
  return plan({ ...options, target: { kind: 'latest' }, range, located, end: range.to });
}

async function atSnapshot(options: {
  readonly source: string;
  readonly state: LogState;
  readonly id: string;
}): Promise<Resolution> {
  const { state, id } = options;
  const matching = state.snapshots.filter((snapshot) => snapshot.id.startsWith(id));
  const [snapshot] = matching;
  if (!snapshot) {
    throw new HoldfastError('SNAPSHOT_UNKNOWN', { snapshot: id, source: options.source });
  }
  if (matching.length > 1) {
    const matches = matching.map((one) => one.id).join(', ');
    throw new HoldfastError('SNAPSHOT_AMBIGUOUS', { snapshot: id, matches });
  }
  const timeline = snapshot.document.stopTimeline;
  const from = parseLsn(snapshot.document.startLsn);
  const stop = parseLsn(snapshot.document.stopLsn);
  const path = state.pathTo(timeline);
  const walk = walkLog({ path, coverage: state.coverage, segmentSize: state.segmentSize, from });
  if (walk.end < stop) throw missingLog(options.source, walk.end, stop);
  const segments = segmentsCutAt(walk.segments, stop, state.segmentSize);
  return {
    timeline,
    snapshot,
    stop: { kind: 'consistency' },
    segments,
    coveredTo: stop,
    notes: [],
  };
}

async function plan(options: {
  readonly source: string;
  readonly state: LogState;
  readonly target: Exclude<Target, { kind: 'snapshot' }>;
  readonly range: TimedRange;
  readonly located: Located;
  readonly end: Lsn;
}): Promise<Resolution> {
  const { state, target, range, located, end } = options;
  const { coverage, segmentSize, readFacts, hasRecordFrom } = state;
  const path = state.pathTo(range.timeline);
  const { snapshots } = state;
  const snapshot = newestSnapshotBefore({ snapshots, range, path, target: located });
  if (!snapshot) throw missingLog(options.source, range.from, end);
  const walk = walkLog({ path, coverage, segmentSize, from: parseLsn(snapshot.document.startLsn) });
  if (walk.end < end) throw missingLog(options.source, walk.end, end);
  const common = { timeline: range.timeline, snapshot, coveredTo: walk.end };

  if (target.kind === 'time') {
    const last = await firstSegmentAfter({
      segments: walk.segments,
      time: target.time,
      readFacts,
    });
    if (last >= 0) {
      const stop: RecoveryTarget = { kind: 'time', time: target.time };
      return { ...common, stop, segments: walk.segments.slice(0, last + 1), notes: [] };
    }
    const notes = [
      `No transaction ended after ${formatInstant(target.time)} in the log that is held; ` +
        `recovery ends at its covered end, ${formatLsn(walk.end)}.`,
    ];
    return { ...common, stop: { kind: 'end' }, segments: walk.segments, notes };
  }
  if (target.kind === 'latest' || end >= walk.end) {
    return { ...common, stop: { kind: 'end' }, segments: walk.segments, notes: [] };
  }
  if (target.kind === 'lsn' && !(await hasRecordFrom({ segments: walk.segments, lsn: end }))) {
    const notes = [
      `No record begins at or after ${formatLsn(end)} in the log that is held; ` +
        `recovery ends with its last record.`,
    ];
    return { ...common, stop: { kind: 'end' }, segments: walk.segments, notes };
  }
  const segments = segmentsThrough(walk.segments, end, segmentSize);
  return { ...common, stop: stopAt(target), segments, notes: [] };
}

function stopAt(target: Exclude<Target, { kind: 'time' | 'latest' | 'snapshot' }>): RecoveryTarget {
  return target;
}

async function locate(options: {
  readonly source: string;
  readonly state: LogState;
  readonly target: Exclude<Target, { kind: 'latest' | 'snapshot' }>;
  readonly timeline?: number;
}): Promise<Located> {
  const { target } = options;
  if (target.kind === 'time' || target.kind === 'lsn') return target;
  const { timeline, end } = await locateByName({ ...options, target });
  return { kind: 'lsn', lsn: end, timeline };
}

/** The target's segment and one more: PostgreSQL stops at the first record past its target. */
function segmentsThrough(
  segments: readonly SegmentCoverage[],
  end: Lsn,
  segmentSize: number,
): readonly SegmentCoverage[] {
  const last = end / BigInt(segmentSize) + 1n;
  return segments.filter(({ number }) => number <= last);
}

/** Nothing of the log at or after `end` is served. */
function segmentsCutAt(
  segments: readonly SegmentCoverage[],
  end: Lsn,
  segmentSize: number,
): readonly SegmentCoverage[] {
  const cut: SegmentCoverage[] = [];
  for (const segment of segments) {
    const covered = end - segment.number * BigInt(segmentSize);
    if (covered <= 0n) continue;
    cut.push({ ...segment, covered: Math.min(segment.covered, Number(covered)) });
  }
  return cut;
}

const byTimelineThenEnd = (a: TimedRange, b: TimedRange) =>
  a.timeline - b.timeline || (a.to < b.to ? -1 : 1);

function missingLog(source: string, from: Lsn, to: Lsn): HoldfastError {
  return new HoldfastError('LOG_MISSING', {
    source,
    from: formatLsn(lsn(from)),
    to: formatLsn(lsn(to)),
  });
}

export function describeTarget(target: Target): string {
  switch (target.kind) {
    case 'latest':
      return 'latest';
    case 'time':
      return formatInstant(target.time);
    case 'lsn':
      return `LSN ${formatLsn(target.lsn)}`;
    case 'xid':
      return `transaction ${target.xid}`;
    case 'name':
      return `restore point "${target.name}"`;
    case 'snapshot':
      return `snapshot ${target.id}`;
  }
}
