import type { FollowerPosition } from '../../capture/follower-position.ts';
import { type Instant, instant } from '../../content/instant.ts';
import type { PostgresSnapshotDocument } from '../../engines/postgres/snapshot-document.ts';
import {
  parseTimelineHistory,
  type TimelineHistory,
  timelinePath,
} from '../../engines/postgres/wal/timeline-history.ts';
import { HoldfastError, isHoldfastError } from '../../errors/holdfast-error.ts';
import type { Lineage } from '../../repository/lineages.ts';
import { listLog } from '../../repository/log/list-log.ts';
import { listLogDocuments, readLogDocument } from '../../repository/log/log-document.ts';
import type { Repository } from '../../repository/repository.ts';
import { type LogCoverage, readLogCoverage } from './coverage.ts';
import type { ReadSegmentFacts } from './log-facts.ts';
import type { LogPath } from './log-path.ts';
import { readSegmentFacts, remembered } from './read-facts.ts';
import { type HasRecordFrom, recordsHeld } from './record-from.ts';
import { type TimedRange, timeRanges } from './timed-ranges.ts';
import { type SnapshotPoint, type TimelineWindow, timelineWindow } from './window.ts';

/** Everything target selection reads of one lineage, as of one moment. */
export interface LogState {
  readonly segmentSize: number;
  readonly snapshots: readonly SnapshotPoint[];
  readonly coverage: LogCoverage;
  readonly histories: ReadonlyMap<number, HistoryFile>;
  readonly windows: readonly TimelineWindow[];
  readonly ranges: readonly TimedRange[];
  readonly readFacts: ReadSegmentFacts;
  readonly hasRecordFrom: HasRecordFrom;
  /** Of which something is held, and whose history is not: nobody can tell where they begin. */
  readonly unreachable: readonly UnreachableTimeline[];
  /**
   * The way to a timeline through its ancestors; TIMELINE_UNKNOWN without its history, and what
   * reading it said when that is damaged.
   */
  pathTo(timeline: number): LogPath;
}

export interface HistoryFile {
  readonly name: string;
  readonly bytes: Buffer;
  readonly history: TimelineHistory;
}

export interface UnreachableTimeline {
  readonly timeline: number;
  /** TIMELINE_UNKNOWN, or that the history is damaged. */
  readonly error: HoldfastError;
}

export async function readLogState(options: {
  readonly repository: Repository;
  readonly lineage: Lineage;
  readonly snapshots: readonly { readonly id: string; readonly engine: PostgresSnapshotDocument }[];
  readonly follower: FollowerPosition | null;
}): Promise<LogState> {
  const { repository, lineage, follower } = options;
  const snapshots = options.snapshots.map(({ id, engine }) => ({ id, document: engine }));
  const segmentSize = snapshots.at(-1)?.document.walSegmentSize ?? DEFAULT_SEGMENT_SIZE;
  const pieces = listLog({ repository, lineage: lineage.id });
  const coverage = await readLogCoverage({ pieces, segmentSize });
  const { histories, damaged } = await readHistories({ repository, lineage });
  const readFacts = remembered({ read: (segment) => readSegmentFacts({ repository, segment }) });
  const hasRecordFrom = recordsHeld({ repository, segmentSize });
  const read = { readFacts, hasRecordFrom, damaged };
  return await logStateOf({ segmentSize, snapshots, coverage, histories, ...read, follower });
}

type Read = 'segmentSize' | 'snapshots' | 'coverage' | 'histories' | 'readFacts' | 'hasRecordFrom';

/** What the facts make restorable; reads nothing but segment facts. */
export async function logStateOf(
  facts: Pick<LogState, Read> & {
    readonly follower: FollowerPosition | null;
    /** Histories that are there and cannot be read. */
    readonly damaged?: ReadonlyMap<number, HoldfastError>;
  },
): Promise<LogState> {
  const { segmentSize, snapshots, coverage, histories, readFacts, follower } = facts;
  const pathTo = (timeline: number): LogPath => {
    if (timeline === 1) return timelinePath({ timeline, ancestors: [] });
    const history = historyOf(histories, timeline);
    if (history) return timelinePath(history);
    throw unreadable(timeline);
  };
  const unreadable = (timeline: number) =>
    facts.damaged?.get(timeline) ?? new HoldfastError('TIMELINE_UNKNOWN', { timeline });

  const timelines = new Set([
    ...coverage.keys(),
    ...snapshots.map(({ document }) => document.stopTimeline),
  ]);
  const windows: TimelineWindow[] = [];
  const ranges: TimedRange[] = [];
  const unreachable: UnreachableTimeline[] = [];
  for (const timeline of [...timelines].sort((a, b) => a - b)) {
    if (timeline > 1 && !historyOf(histories, timeline)) {
      // The others restore all the same.
      unreachable.push({ timeline, error: unreadable(timeline) });
      continue;
    }
    const path = pathTo(timeline);
    const window = timelineWindow({ path, coverage, segmentSize, snapshots });
    windows.push(window);
    const timed = { window, coverage, segmentSize, snapshots, readFacts, follower };
    ranges.push(...(await timeRanges(timed)));
  }
  const joined = untilTheFork(ranges, windows);
  return {
    segmentSize,
    snapshots,
    coverage,
    histories,
    windows,
    ranges: joined,
    unreachable,
    readFacts,
    hasRecordFrom: facts.hasRecordFrom,
    pathTo,
  };
}

const DEFAULT_SEGMENT_SIZE = 16 * 1024 * 1024;

/** A timeline that ended where its child began lived until the child did. */
function untilTheFork(
  ranges: readonly TimedRange[],
  windows: readonly TimelineWindow[],
): TimedRange[] {
  return ranges.map((range) => {
    let through: Instant = range.throughTime;
    for (const { timeline, path } of windows) {
      const fork = path.find((stretch) => stretch.timeline === range.timeline)?.end;
      const child = ranges.find((other) => other.timeline === timeline && other.from === range.to);
      if (fork === range.to && child) through = instant(Math.max(through, child.fromTime - 1));
    }
    return { ...range, throughTime: through };
  });
}

/** A timeline's own file, or what a descendant's says of its ancestors. */
function historyOf(
  histories: ReadonlyMap<number, HistoryFile>,
  timeline: number,
): TimelineHistory | undefined {
  const own = histories.get(timeline)?.history;
  if (own) return own;
  for (const { history } of histories.values()) {
    const position = history.ancestors.findIndex((ancestor) => ancestor.timeline === timeline);
    if (position >= 0) return { timeline, ancestors: history.ancestors.slice(0, position) };
  }
  return undefined;
}

async function readHistories(options: {
  readonly repository: Repository;
  readonly lineage: Lineage;
}): Promise<{
  readonly histories: ReadonlyMap<number, HistoryFile>;
  readonly damaged: ReadonlyMap<number, HoldfastError>;
}> {
  const { repository, lineage } = options;
  const histories = new Map<number, HistoryFile>();
  const damaged = new Map<number, HoldfastError>();
  for await (const name of listLogDocuments({ repository, lineage: lineage.id })) {
    const match = /^([0-9A-F]{8})\.history$/.exec(name);
    if (!match) continue;
    const timeline = Number.parseInt(match[1] ?? '', 16);
    try {
      const bytes = await readLogDocument({ repository, lineage: lineage.id, name });
      histories.set(timeline, { name, bytes, history: parseTimelineHistory(timeline, bytes) });
    } catch (error) {
      if (!isHoldfastError(error) || error.kind !== 'corrupt') throw error;
      damaged.set(timeline, error);
    }
  }
  return { histories, damaged };
}
