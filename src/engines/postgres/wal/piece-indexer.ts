import { setImmediate } from 'node:timers/promises';
import { type Lsn, lsn } from '../lsn.ts';
import type { Journal } from './journal.ts';
import type { JournalSegment } from './journal-recovery.ts';
import { type SegmentIndex, SegmentIndexer } from './segment-index.ts';

/** Checked at a time: between two, the thread answers the server. */
const STEP = 256 * 1024;

/**
 * Indexes the journal's segments in order: pieces as they come, then the whole segment. A record
 * that continues into the next segment is carried over.
 */
export class PieceIndexer {
  readonly #journal: Journal;
  #growing: { readonly key: string; readonly indexer: SegmentIndexer; to: number } | undefined;
  /** The end of the last whole segment that was indexed, and what its reader left over. */
  #carried: { readonly end: Lsn; readonly tail: Buffer | null } | undefined;

  constructor(journal: Journal) {
    this.#journal = journal;
  }

  /** The stretch `[from, to)` of a growing segment; `bytes` are that stretch's. */
  async piece(segment: JournalSegment, bytes: Buffer, from: number): Promise<SegmentIndex> {
    const key = `${segment.timeline}/${segment.number}`;
    let growing = this.#growing;
    if (growing?.key !== key || growing.to !== from) {
      growing = { key, indexer: await this.#indexer(segment), to: from };
      if (from > 0) {
        await feed(growing.indexer, await this.#journal.read(segment, 0, from));
        growing.indexer.take(this.#position(segment, from));
      }
      this.#growing = growing;
    }
    await feed(growing.indexer, bytes);
    growing.to = from + bytes.length;
    return growing.indexer.take(this.#position(segment, growing.to));
  }

  async whole(segment: JournalSegment, bytes: Buffer): Promise<SegmentIndex> {
    const indexer = await this.#indexer(segment);
    await feed(indexer, bytes);
    const end = this.#position(segment, bytes.length);
    const index = indexer.take(end);
    this.#carried = { end, tail: index.tail };
    this.#growing = undefined;
    return index;
  }

  #position({ number }: JournalSegment, offset: number): Lsn {
    return lsn(number * BigInt(this.#journal.segmentSize) + BigInt(offset));
  }

  async #indexer(segment: JournalSegment): Promise<SegmentIndexer> {
    const { segmentSize, systemIdentifier } = this.#journal;
    const startLsn = this.#position(segment, 0);
    if (this.#carried?.end !== startLsn) await this.#carryOver(segment);
    const previousTail = this.#carried?.end === startLsn ? this.#carried.tail : null;
    return new SegmentIndexer({ startLsn, segmentSize, systemIdentifier, previousTail });
  }

  /** Reads the segment before, if the journal still has it: of this timeline or its parent. */
  async #carryOver(segment: JournalSegment): Promise<void> {
    const before = this.#journal.segments.findLast(
      ({ number, timeline, length }) =>
        number === segment.number - 1n &&
        timeline <= segment.timeline &&
        length === this.#journal.segmentSize,
    );
    if (!before) return;
    const { segmentSize, systemIdentifier } = this.#journal;
    const startLsn = this.#position(before, 0);
    const indexer = new SegmentIndexer({ startLsn, segmentSize, systemIdentifier });
    await feed(indexer, await this.#journal.read(before, 0, segmentSize));
    const end = this.#position(segment, 0);
    this.#carried = { end, tail: indexer.take(end).tail };
  }
}

async function feed(indexer: SegmentIndexer, bytes: Buffer): Promise<void> {
  for (let from = 0; from < bytes.length; from += STEP) {
    indexer.push(bytes.subarray(from, from + STEP));
    await setImmediate();
  }
}
