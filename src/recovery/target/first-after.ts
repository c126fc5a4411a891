import type { Instant } from '../../content/instant.ts';
import type { SegmentCoverage } from '../log/coverage.ts';
import type { ReadSegmentFacts } from '../log/log-facts.ts';

/**
 * Position in `segments` of one that holds a transaction end later than `time`, so that recovery
 * to `time` stops in it or before it; -1 when there is none and recovery would run off the end,
 * which PostgreSQL calls fatal.
 *
 * Reads about log2(n) indexes. Commit times are not strictly ordered in the log, which can only
 * make recovery stop earlier than the answer, never later.
 */
export async function firstSegmentAfter(options: {
  readonly segments: readonly SegmentCoverage[];
  readonly time: Instant;
  readonly readFacts: ReadSegmentFacts;
}): Promise<number> {
  const { segments, time, readFacts } = options;
  const timesIn = async (position: number): Promise<number[]> => {
    const segment = segments[position];
    return segment ? (await readFacts(segment)).transactions.map(({ at }) => at) : [];
  };
  /** The first segment from `position` on that ends any transaction, and the earliest of them. */
  const nextBusy = async (position: number) => {
    for (let at = position; at < segments.length; at++) {
      const times = await timesIn(at);
      if (times.length > 0) return { at, earliest: times.reduce((a, b) => Math.min(a, b)) };
    }
    return null;
  };
  let low = 0;
  let high = segments.length;
  let found = -1;
  while (low < high) {
    const middle = (low + high) >> 1;
    const busy = await nextBusy(middle);
    if (busy === null) high = middle;
    else if (busy.earliest > time) {
      found = busy.at;
      high = middle;
    } else low = busy.at + 1;
  }
  const before = found < 0 ? low - 1 : Math.min(low, found) - 1;
  for (let at = before; at >= 0 && at < segments.length; at--) {
    const times = await timesIn(at);
    if (times.some((candidate) => candidate > time)) return at;
    if (times.length > 0) break;
  }
  return found;
}
