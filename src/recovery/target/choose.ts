import { formatInstant } from '../../content/instant.ts';
import { formatLsn, type Lsn, parseLsn } from '../../engines/postgres/lsn.ts';
import { HoldfastError } from '../../errors/holdfast-error.ts';
import { liesOnPath } from '../log/log-path.ts';
import type { TimedRange } from '../log/timed-ranges.ts';
import type { SnapshotPoint } from '../log/window.ts';
import type { Target } from './target.ts';

/** The ranges a target lies in, one a timeline at most when it is unambiguous. */
export function rangesHolding(ranges: readonly TimedRange[], target: Located): TimedRange[] {
  return ranges.filter((range) =>
    target.kind === 'time'
      ? target.time >= range.fromTime && target.time <= range.throughTime
      : target.lsn >= range.from &&
        target.lsn <= range.to &&
        (target.timeline === undefined || target.timeline === range.timeline),
  );
}

/** A target once names and transaction ids have been looked up. */
export type Located =
  | { readonly kind: 'time'; readonly time: Extract<Target, { kind: 'time' }>['time'] }
  | {
      readonly kind: 'lsn';
      readonly lsn: Lsn;
      /** The one a record that was looked up is on. */
      readonly timeline?: number;
    };

/**
 * One range, or a refusal that lists the choices: a restore never guesses a timeline. On the way
 * to one that was chosen, the ranges follow each other, and the last one holds the target.
 */
export function onlyRange(options: {
  readonly ranges: readonly TimedRange[];
  readonly holding: readonly TimedRange[];
  readonly asked: string;
  readonly source: string;
  readonly chosen: boolean;
}): TimedRange {
  const { ranges, holding, asked, source, chosen } = options;
  const [range] = holding;
  if (!range) {
    throw new HoldfastError('TARGET_OUTSIDE_WINDOW', {
      target: asked,
      source,
      ranges: ranges.map(describeRange).join('; ') || 'nothing yet',
    });
  }
  const timelines = [...new Set(holding.map(({ timeline }) => timeline))];
  if (timelines.length > 1 && !chosen) {
    throw new HoldfastError('TARGET_AMBIGUOUS', {
      target: asked,
      source,
      timelines: timelines.join(', '),
      choices: timelines.map((timeline) => `--timeline ${timeline}`).join(' or '),
    });
  }
  return holding.at(-1) ?? range;
}

/** The newest snapshot on the path that was consistent by the target. */
export function newestSnapshotBefore(options: {
  readonly snapshots: readonly SnapshotPoint[];
  readonly range: TimedRange;
  readonly path: Parameters<typeof liesOnPath>[0];
  readonly target: Located;
}): SnapshotPoint | undefined {
  const { snapshots, path, target, range } = options;
  const oldest = snapshots.find(({ id }) => id === range.snapshot);
  const floor = oldest ? parseLsn(oldest.document.stopLsn) : range.from;
  const stop = (point: SnapshotPoint) => parseLsn(point.document.stopLsn);
  return snapshots
    .filter((point) => liesOnPath(path, point.document.stopTimeline, stop(point)))
    .filter((point) => stop(point) >= floor && stop(point) <= range.to)
    .filter((point) =>
      target.kind === 'lsn'
        ? stop(point) <= target.lsn
        : point.document.stoppedAt <= formatInstant(target.time),
    )
    .sort((a, b) => (stop(a) < stop(b) ? -1 : 1))
    .at(-1);
}

function describeRange(range: TimedRange): string {
  const times = `${formatInstant(range.fromTime)} to ${formatInstant(range.throughTime)}`;
  return `timeline ${range.timeline}: ${times} (${formatLsn(range.from)} to ${formatLsn(range.to)})`;
}
