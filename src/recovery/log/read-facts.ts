import type { WalEvent } from '../../engines/postgres/wal/segment-index.ts';
import { decodeSegmentIndex } from '../../engines/postgres/wal/segment-index-codec.ts';
import { readLogIndex } from '../../repository/log/read-log.ts';
import type { Repository } from '../../repository/repository.ts';
import type { SegmentCoverage } from './coverage.ts';
import { type ReadSegmentFacts, type SegmentFacts, segmentFacts } from './log-facts.ts';

/** About 30 MB of them. A named target is looked for in the whole log, which may hold billions. */
const REMEMBERED_TRANSACTIONS = 200_000;

/**
 * Remembers what was read last, and one segment of any size. Facts are immutable once a segment is
 * whole; an unfinished one is read by its pieces so far.
 */
export function remembered(options: {
  readonly read: ReadSegmentFacts;
  /** How many. */
  readonly transactions?: number;
}): ReadSegmentFacts {
  const { read, transactions = REMEMBERED_TRANSACTIONS } = options;
  const known = new Map<string, Promise<SegmentFacts>>();
  /** Transactions of each, first read first. */
  const sizes = new Map<string, number>();
  let total = 0;
  const remember = (key: string, size: number) => {
    sizes.set(key, size);
    total += size;
    for (const [oldest, its] of sizes) {
      if (total <= transactions || oldest === key) break;
      known.delete(oldest);
      sizes.delete(oldest);
      total -= its;
    }
  };
  return (segment) => {
    const key = `${segment.name}/${segment.covered}`;
    const found = known.get(key);
    if (found) return found;
    const reading = read(segment);
    known.set(key, reading);
    reading.then(
      (facts) => remember(key, facts.transactions.length),
      () => known.delete(key),
    );
    return reading;
  };
}

/** By the index beside each piece. */
export async function readSegmentFacts(options: {
  readonly repository: Repository;
  readonly segment: SegmentCoverage;
}): Promise<SegmentFacts> {
  const { repository, segment } = options;
  const events: WalEvent[] = [];
  let covered = 0;
  for (const piece of [...segment.pieces].sort((a, b) => a.from - b.from || b.to - a.to)) {
    if (piece.to <= covered) continue;
    const index = decodeSegmentIndex(await readLogIndex({ repository, piece }));
    const seen = events.at(-1)?.end ?? -1n;
    // Not spread into one call: a segment may hold more events than a call takes arguments.
    for (const event of index.events) if (event.end > seen) events.push(event);
    covered = piece.to;
  }
  return segmentFacts(events);
}
