import type { Instant } from '../../../content/instant.ts';
import type { Lsn } from '../lsn.ts';
import {
  checkpointRecord,
  endOfRecoveryRecord,
  RM_XACT_ID,
  RM_XLOG_ID,
  restorePointRecord,
  transactionEnd,
  XLOG,
  XLOG_XACT,
} from './record-content.ts';
import { RecordReader, type WalRecord } from './record-reader.ts';

interface At {
  /** Where the record begins: what recovery_target_lsn compares. */
  readonly start: Lsn;
  /** Where it ends: what a client sees as the position of its commit. */
  readonly end: Lsn;
}

/** What a person may aim a recovery at, or what recovery must know, in the order of the log. */
export type WalEvent = At &
  (
    | {
        readonly kind: 'commit' | 'abort';
        readonly xid: number;
        readonly time: Instant;
        readonly prepared: boolean;
        readonly subtransactions: readonly number[];
      }
    | { readonly kind: 'restore-point'; readonly name: string; readonly time: Instant }
    | {
        readonly kind: 'checkpoint';
        readonly shutdown: boolean;
        readonly redo: Lsn;
        readonly timeline: number;
        readonly previousTimeline: number;
        readonly time: Instant;
      }
    | {
        readonly kind: 'end-of-recovery';
        readonly timeline: number;
        readonly previousTimeline: number;
        readonly time: Instant;
      }
    | { readonly kind: 'switch' }
  );

/** The events of a stretch of one segment. An event belongs to the stretch its record ends in. */
export interface SegmentIndex {
  readonly from: Lsn;
  readonly to: Lsn;
  /** The end of the last whole, valid record before `to`: how far a recovery can replay. */
  readonly validEnd: Lsn;
  /** The stretch begins inside a record whose beginning was not seen: one event may be missing. */
  readonly headless: boolean;
  /** Where reading stopped before `to`, and why; null when everything was valid. */
  readonly stopped: { readonly at: Lsn; readonly reason: string } | null;
  readonly events: readonly WalEvent[];
  /** For the reader of the next segment; null inside a segment or when reading stopped. */
  readonly tail: Buffer | null;
}

/** Indexes one segment as it grows. */
export class SegmentIndexer {
  readonly #reader: RecordReader;
  readonly #segmentSize: number;
  #from: Lsn;
  #events: WalEvent[] = [];
  #headlessTold = false;

  constructor(options: {
    /** The segment's first position. */
    readonly startLsn: Lsn;
    readonly segmentSize: number;
    readonly systemIdentifier?: string | undefined;
    /** Of the segment before. */
    readonly previousTail?: Buffer | null | undefined;
  }) {
    this.#from = options.startLsn;
    this.#segmentSize = options.segmentSize;
    this.#reader = new RecordReader({
      start: options.startLsn,
      segmentSize: options.segmentSize,
      systemIdentifier: options.systemIdentifier,
      tail: options.previousTail ?? undefined,
      keep: isIndexed,
      onRecord: (record) => this.#record(record),
    });
  }

  push(bytes: Buffer): void {
    this.#reader.push(bytes);
  }

  /** The stretch since the last `take` up to `to`, which was pushed. */
  take(to: Lsn): SegmentIndex {
    const reader = this.#reader;
    const whole = to % BigInt(this.#segmentSize) === 0n;
    const stopped = reader.stopped ?? null;
    const index: SegmentIndex = {
      from: this.#from,
      to,
      validEnd: reader.validEnd,
      headless: reader.headless && !this.#headlessTold,
      stopped,
      events: this.#events,
      tail: whole && !stopped ? reader.tail() : null,
    };
    this.#headlessTold = reader.headless;
    this.#from = to;
    this.#events = [];
    return index;
  }

  #record(record: WalRecord): void {
    const event = walEvent(record, this.#reader.majorVersion);
    if (event) this.#events.push(event);
  }
}

/** One segment, or the beginning of one. */
export function indexSegment(options: {
  readonly bytes: Buffer;
  readonly startLsn: Lsn;
  readonly segmentSize: number;
  readonly systemIdentifier?: string;
  readonly previousTail?: Buffer | null | undefined;
}): SegmentIndex {
  const indexer = new SegmentIndexer(options);
  indexer.push(options.bytes);
  return indexer.take((options.startLsn + BigInt(options.bytes.length)) as Lsn);
}

function isIndexed(resourceManager: number, info: number): boolean {
  if (resourceManager === RM_XACT_ID) {
    const operation = info & XLOG_XACT.OPMASK;
    return (
      operation === XLOG_XACT.COMMIT ||
      operation === XLOG_XACT.ABORT ||
      operation === XLOG_XACT.COMMIT_PREPARED ||
      operation === XLOG_XACT.ABORT_PREPARED
    );
  }
  if (resourceManager !== RM_XLOG_ID) return false;
  const operation = info & XLOG.MASK;
  return (
    operation === XLOG.CHECKPOINT_SHUTDOWN ||
    operation === XLOG.CHECKPOINT_ONLINE ||
    operation === XLOG.SWITCH ||
    operation === XLOG.RESTORE_POINT ||
    operation === XLOG.END_OF_RECOVERY
  );
}

function walEvent(record: WalRecord, majorVersion: number): WalEvent | undefined {
  const { start, end } = record;
  if (record.resourceManager === RM_XACT_ID) {
    const transaction = transactionEnd(record, majorVersion);
    return transaction && { start, end, ...transaction };
  }
  switch (record.info & XLOG.MASK) {
    case XLOG.SWITCH:
      return { start, end, kind: 'switch' };
    case XLOG.RESTORE_POINT: {
      const point = restorePointRecord(record);
      return point && { start, end, kind: 'restore-point', ...point };
    }
    case XLOG.END_OF_RECOVERY: {
      const recovered = endOfRecoveryRecord(record);
      return recovered && { start, end, kind: 'end-of-recovery', ...recovered };
    }
    default: {
      const checkpoint = checkpointRecord(record);
      return checkpoint && { start, end, kind: 'checkpoint', ...checkpoint };
    }
  }
}
