import { type Instant, instant } from '../../content/instant.ts';
import type { Lsn } from '../../engines/postgres/lsn.ts';
import { liesOnPath } from '../log/log-path.ts';
import type { LogState } from '../log/log-state.ts';
import type { TimedRange } from '../log/timed-ranges.ts';

/**
 * Ranges of a timeline and its ancestors, the ancestors' cut where they leave the way to it.
 *
 * After a restore to 14:00 that was promoted at 15:00 there is no 14:20 on the new timeline: what
 * the old one held then is not part of it (trap 10). So an ancestor counts until the first
 * transaction that the way to the timeline leaves out, and never beyond its child's beginning.
 */
export async function rangesOnPath(state: LogState, timeline: number): Promise<TimedRange[]> {
  const path = state.pathTo(timeline);
  const ranges: TimedRange[] = [];
  for (const range of state.ranges) {
    const position = path.findIndex((stretch) => stretch.timeline === range.timeline);
    if (position < 0 || !liesOnPath(path, range.timeline, range.from)) continue;
    const fork = path[position]?.end ?? null;
    if (fork === null || range.to <= fork) {
      ranges.push(range);
      continue;
    }
    const child = state.ranges.find(
      ({ timeline: other, from }) => other === path[position + 1]?.timeline && from === fork,
    );
    const left = await firstTransactionAfter({ state, range, position: fork });
    const throughTime = earliest(range.throughTime, before(child?.fromTime), before(left));
    if (throughTime >= range.fromTime) ranges.push({ ...range, to: fork, throughTime });
  }
  return ranges;
}

const before = (time: Instant | undefined) => (time === undefined ? undefined : instant(time - 1));

const earliest = (first: Instant, ...others: readonly (Instant | undefined)[]): Instant =>
  others.reduce<Instant>(
    (least, time) => (time !== undefined && time < least ? time : least),
    first,
  );

/** When the range's own timeline first ended a transaction beyond a position. */
async function firstTransactionAfter(options: {
  readonly state: LogState;
  readonly range: TimedRange;
  readonly position: Lsn;
}): Promise<Instant | undefined> {
  const { state, range, position } = options;
  const first = position / BigInt(state.segmentSize);
  const held = state.coverage.get(range.timeline);
  for (let number = first; ; number++) {
    const segment = held?.get(number);
    if (!segment) return undefined;
    const { transactions } = await state.readFacts(segment);
    const times = transactions.filter(({ end }) => end > position).map(({ at }) => at);
    if (times.length > 0) return times.reduce((a, b) => (a < b ? a : b));
  }
}
