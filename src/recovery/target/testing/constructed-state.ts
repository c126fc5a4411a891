import { formatInstant, instant } from '../../../content/instant.ts';
import { formatLsn, type Lsn, lsn } from '../../../engines/postgres/lsn.ts';
import type { PostgresSnapshotDocument } from '../../../engines/postgres/snapshot-document.ts';
import { historyName } from '../../../engines/postgres/wal/segment-name.ts';
import type { TimelineSwitch } from '../../../engines/postgres/wal/timeline-history.ts';
import type { LogCoverage, SegmentCoverage } from '../../log/coverage.ts';
import type { RestorePoint, SegmentFacts, TransactionEnd } from '../../log/log-facts.ts';
import { type LogState, logStateOf } from '../../log/log-state.ts';

export const SIZE = 0x10_0000;
/** A position by its segment and an offset there. */
export const at = (segment: number, offset = 0): Lsn => lsn(BigInt(segment * SIZE + offset));
/** Seconds of a clock that began at the epoch. */
export const second = (seconds: number) => instant(seconds * 1_000_000);

/** What happened, as the log tells it: `commit(3, 0x100, 300)`. */
export const commit = (segment: number, offset: number, seconds: number, xid = 0): Event => ({
  segment,
  transaction: {
    kind: 'commit',
    xid,
    at: second(seconds),
    start: at(segment, offset - 0x20),
    end: at(segment, offset),
  },
});
export const point = (segment: number, offset: number, name: string): Event => ({
  segment,
  point: { name, at: second(0), start: at(segment, offset - 0x20), end: at(segment, offset) },
});
export const began = (segment: number, timeline: number, seconds: number): Event => ({
  segment,
  start: { timeline, at: second(seconds) },
});

interface Event {
  readonly segment: number;
  readonly transaction?: TransactionEnd;
  readonly point?: RestorePoint;
  readonly start?: SegmentFacts['timelineStarts'][number];
}

export interface Branch {
  /** Absent for timeline 1. */
  readonly fork?: { readonly from: number; readonly at: Lsn };
  /** Segment → bytes held of it. */
  readonly held: Readonly<Record<number, number>>;
  readonly events?: readonly Event[];
  /** Its history file did not arrive. */
  readonly unknown?: true;
}

export interface Taken {
  readonly id: string;
  readonly timeline?: number;
  readonly start: Lsn;
  readonly stop: Lsn;
  /** Seconds. */
  readonly stopped: number;
}

/** A lineage that never was: windows and times are computed as for a real one. */
export async function constructedState(options: {
  readonly branches: Readonly<Record<number, Branch>>;
  readonly snapshots: readonly Taken[];
  readonly follower?: { readonly timeline: number; readonly lsn: Lsn; readonly seconds: number };
}): Promise<LogState> {
  const { branches, snapshots, follower } = options;
  return await logStateOf({
    segmentSize: SIZE,
    snapshots: snapshots.map(({ id, timeline = 1, start, stop, stopped }) => ({
      id,
      document: {
        startTimeline: timeline,
        stopTimeline: timeline,
        startLsn: formatLsn(start),
        stopLsn: formatLsn(stop),
        startedAt: formatInstant(second(stopped)),
        stoppedAt: formatInstant(second(stopped)),
      } as PostgresSnapshotDocument,
    })),
    coverage: coverageOf(branches),
    histories: historiesOf(branches),
    hasRecordFrom: async ({ segments, lsn }) =>
      segments.some(({ timeline, number }) =>
        factsOf(branches[timeline], Number(number)).transactions.some(({ start }) => start >= lsn),
      ),
    readFacts: async ({ timeline, number }) => factsOf(branches[timeline], Number(number)),
    follower: follower ? { ...follower, time: second(follower.seconds) } : null,
  });
}

function coverageOf(branches: Readonly<Record<number, Branch>>): LogCoverage {
  return new Map(
    Object.entries(branches).map(([timeline, { held }]) => [
      Number(timeline),
      new Map(
        Object.entries(held).map(([number, covered]): [bigint, SegmentCoverage] => [
          BigInt(number),
          {
            timeline: Number(timeline),
            number: BigInt(number),
            name: `${timeline}/${number}`,
            covered,
            pieces: [],
          },
        ]),
      ),
    ]),
  );
}

function historiesOf(branches: Readonly<Record<number, Branch>>): LogState['histories'] {
  const ancestors = (timeline: number): TimelineSwitch[] => {
    const fork = branches[timeline]?.fork;
    if (!fork) return [];
    return [...ancestors(fork.from), { timeline: fork.from, end: fork.at, reason: '' }];
  };
  const histories = Object.keys(branches)
    .map(Number)
    .filter((timeline) => branches[timeline]?.fork && !branches[timeline]?.unknown)
    .map((timeline) => {
      const history = { timeline, ancestors: ancestors(timeline) };
      const file = { name: historyName(timeline), bytes: Buffer.alloc(0), history };
      return [timeline, file] as const;
    });
  return new Map(histories);
}

function factsOf(branch: Branch | undefined, number: number): SegmentFacts {
  const events = (branch?.events ?? []).filter(({ segment }) => segment === number);
  return {
    transactions: events.flatMap(({ transaction }) => transaction ?? []),
    restorePoints: events.flatMap((event) => event.point ?? []),
    timelineStarts: events.flatMap(({ start }) => start ?? []),
  };
}
