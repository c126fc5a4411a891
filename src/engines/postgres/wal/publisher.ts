import { HoldfastError, isHoldfastError } from '../../../errors/holdfast-error.ts';
import type { Host } from '../../../host/host.ts';
import { formatLsn, type Lsn, lsn } from '../lsn.ts';
import { backoff } from './backoff.ts';
import type { Journal } from './journal.ts';
import type { JournalPosition, JournalSegment } from './journal-recovery.ts';
import type { LogSink } from './log-sink.ts';
import { PieceIndexer } from './piece-indexer.ts';
import type { SegmentIndex } from './segment-index.ts';
import { encodeSegmentIndex } from './segment-index-codec.ts';

export type PublisherEvent =
  /** Everything the journal got up to here is durable in the repository. */
  | { readonly kind: 'uploaded'; readonly position: JournalPosition }
  /** The alarm: an upload failed or hangs; it is tried again, and the receiver goes on. */
  | {
      readonly kind: 'upload-failed';
      readonly error: HoldfastError;
      readonly attempts: number;
      readonly retryInMs: number;
    }
  | { readonly kind: 'upload-recovered' }
  /** The log is stored as it came, but it is not valid: nothing can be replayed beyond `at`. */
  | { readonly kind: 'log-invalid'; readonly error: HoldfastError };

export interface PublisherOptions {
  readonly host: Host;
  readonly journal: Journal;
  readonly sink: LogSink;
  /** What the repository already holds, from an earlier run. */
  readonly resumeAt?: JournalPosition | undefined;
  readonly onEvent: (event: PublisherEvent) => void;
  /** How old the unfinished segment's unsent part may become. */
  readonly pieceIntervalMs?: number;
  /** An upload that takes longer counts as failed and is begun again. */
  readonly uploadTimeoutMs?: number;
  readonly maxRetryMs?: number;
}

const PIECE_INTERVAL_MS = 5_000;
const UPLOAD_TIMEOUT_MS = 120_000;
const MAX_RETRY_MS = 30_000;

interface Work {
  readonly segment: JournalSegment;
  readonly from: number;
}

/**
 * Brings the journal to the repository, in order: histories before the segments of their timeline,
 * whole segments when they are complete, and in between the unsent part of the unfinished one.
 *
 * Failures are retried for ever; a conflict (other content is stored there) ends it. The journal
 * keeps what is not uploaded, and always its newest two segments.
 */
export class WalPublisher {
  readonly #options: PublisherOptions;
  readonly #indexer: PieceIndexer;
  readonly #documents = new Set<string>();
  #uploaded: JournalPosition | undefined;
  /** The segment being sent, and how much of it is. */
  #cursor:
    | { readonly timeline: number; readonly number: bigint; readonly sent: number }
    | undefined;
  #lastPieceAt = Number.NEGATIVE_INFINITY;
  #wake: (() => void) | undefined;
  #failing = false;
  #toldInvalid: Lsn | undefined;

  constructor(options: PublisherOptions) {
    this.#options = options;
    this.#indexer = new PieceIndexer(options.journal);
    this.#uploaded = options.resumeAt;
  }

  /** Everything the journal got up to here is durable in the repository. */
  get uploaded(): JournalPosition | undefined {
    return this.#uploaded;
  }

  /** The journal has more. */
  notify(): void {
    this.#wake?.();
  }

  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.#sendDocuments(signal);
      const work = this.#next();
      if (work === undefined) await this.#sleep(undefined, signal);
      else if (typeof work === 'number') await this.#sleep(work, signal);
      else await this.#send(work, signal);
    }
  }

  /**
   * Sends all the journal holds now, without waiting for the interval; false when `signal` ended
   * it before: the rest stays in the journal.
   */
  async drain(signal: AbortSignal): Promise<boolean> {
    await this.#sendDocuments(signal);
    while (!signal.aborted) {
      this.#lastPieceAt = Number.NEGATIVE_INFINITY;
      const work = this.#next();
      if (work === undefined || typeof work === 'number') return true;
      await this.#send(work, signal);
    }
    return false;
  }

  /** What to send; or how long until there is something; or undefined: nothing yet. */
  #next(): Work | number | undefined {
    const { journal, host, pieceIntervalMs = PIECE_INTERVAL_MS } = this.#options;
    const { segments, segmentSize } = journal;
    const at = this.#nextIndex(segments);
    const segment = segments[at];
    if (!segment) return undefined;
    const from = this.#isCursor(segment) ? this.#cursor!.sent : 0;
    if (segment.length === from) return undefined;
    if (segment.length === segmentSize) return { segment, from: 0 };
    // Of a timeline that ended, or before a gap: it will not grow.
    if (at < segments.length - 1) return { segment, from };
    const wait = this.#lastPieceAt + pieceIntervalMs - host.clock.monotonic();
    return wait > 0 ? wait : { segment, from };
  }

  /** The first segment of which something is not sent; or the last. */
  #nextIndex(segments: readonly JournalSegment[]): number {
    if (!this.#cursor) return this.#firstToSend(segments);
    const at = this.#indexOf(segments);
    const sent = segments[at]?.length === this.#cursor.sent;
    return sent && at < segments.length - 1 ? at + 1 : at;
  }

  #isCursor({ timeline, number }: JournalSegment): boolean {
    return this.#cursor?.timeline === timeline && this.#cursor.number === number;
  }

  #indexOf(segments: readonly JournalSegment[]): number {
    return segments.findIndex((segment) => this.#isCursor(segment));
  }

  /** The newest two are sent again: of what is stored, one may be there in pieces only. */
  #firstToSend(segments: readonly JournalSegment[]): number {
    const resumeAt = this.#uploaded;
    if (!resumeAt) return 0;
    const size = BigInt(this.#options.journal.segmentSize);
    const open = segments.findIndex(
      ({ timeline, number }) =>
        timeline > resumeAt.timeline ||
        (timeline === resumeAt.timeline && (number + 2n) * size > resumeAt.lsn),
    );
    return open < 0 ? Math.max(0, segments.length - 2) : open;
  }

  async #send({ segment, from }: Work, signal: AbortSignal): Promise<void> {
    const { journal, sink, host } = this.#options;
    const { timeline, number, name, length } = segment;
    this.#lastPieceAt = host.clock.monotonic();
    const bytes = await journal.read(segment, from, length);
    const whole = length === journal.segmentSize;
    const index = whole
      ? await this.#indexer.whole(segment, bytes)
      : await this.#indexer.piece(segment, bytes, from);
    this.#checkValid(segment, index);
    const piece = {
      branch: String(timeline),
      segment: name,
      from,
      to: length,
      segmentSize: journal.segmentSize,
      bytes,
      index: encodeSegmentIndex(index),
    };
    const start = lsn(number * BigInt(journal.segmentSize));
    await this.#persist({ timeline, lsn: start }, () => sink.putPiece(piece), signal);
    if (signal.aborted) return;
    this.#cursor = { timeline, number, sent: length };
    this.#advance({ timeline, lsn: lsn(start + BigInt(length)) });
    await this.#prune();
  }

  #advance(position: JournalPosition): void {
    const before = this.#uploaded;
    const forward =
      !before ||
      position.timeline > before.timeline ||
      (position.timeline === before.timeline && position.lsn > before.lsn);
    if (!forward) return;
    this.#uploaded = position;
    this.#options.onEvent({ kind: 'uploaded', position });
  }

  #checkValid({ timeline, name }: JournalSegment, { stopped }: SegmentIndex): void {
    if (!stopped || this.#toldInvalid === stopped.at) return;
    this.#toldInvalid = stopped.at;
    const reason = `${stopped.reason} at ${formatLsn(stopped.at)} of timeline ${timeline}`;
    const error = new HoldfastError('WAL_LOG_INVALID', { file: name, reason });
    this.#options.onEvent({ kind: 'log-invalid', error });
  }

  async #sendDocuments(signal: AbortSignal): Promise<void> {
    const { journal, sink } = this.#options;
    for (const [name, bytes] of await journal.histories()) {
      if (this.#documents.has(name)) continue;
      const position = journal.end ?? { timeline: 0, lsn: lsn(0n) };
      await this.#persist(position, () => sink.putDocument(name, bytes), signal);
      if (signal.aborted) return;
      this.#documents.add(name);
    }
  }

  /** Until it succeeds, a conflict, or the end. */
  async #persist(
    position: JournalPosition,
    put: () => Promise<void>,
    signal: AbortSignal,
  ): Promise<void> {
    const { host, onEvent, maxRetryMs = MAX_RETRY_MS } = this.#options;
    for (let attempts = 1; !signal.aborted; attempts++) {
      try {
        await this.#inTime(put, signal);
        if (this.#failing) onEvent({ kind: 'upload-recovered' });
        this.#failing = false;
        return;
      } catch (cause) {
        if (signal.aborted) return;
        if (isHoldfastError(cause) && cause.kind === 'conflict') throw cause;
        this.#failing = true;
        const retryInMs = backoff({ host, attempt: attempts - 1, maxMs: maxRetryMs });
        const facts = {
          timeline: position.timeline,
          position: formatLsn(position.lsn),
          reason: cause instanceof Error ? cause.message : String(cause),
        };
        const error = new HoldfastError('WAL_UPLOAD_FAILED', facts, { cause });
        onEvent({ kind: 'upload-failed', error, attempts, retryInMs });
        await host.clock.sleep(retryInMs, signal).catch(() => undefined);
      }
    }
  }

  /** A hanging call is left behind: what it may still store is the same piece. */
  async #inTime(put: () => Promise<void>, signal: AbortSignal): Promise<void> {
    const { host, uploadTimeoutMs = UPLOAD_TIMEOUT_MS } = this.#options;
    const settled = new AbortController();
    const late = host.clock
      .sleep(uploadTimeoutMs, AbortSignal.any([signal, settled.signal]))
      .then(() => {
        throw new Error(`no answer within ${Math.round(uploadTimeoutMs / 1000)} s`);
      });
    late.catch(() => undefined);
    try {
      await Promise.race([put(), late]);
    } finally {
      settled.abort();
    }
  }

  async #prune(): Promise<void> {
    const { journal } = this.#options;
    const at = this.#indexOf(journal.segments);
    const removable = Math.min(at, journal.segments.length - 2);
    for (const segment of journal.segments.slice(0, Math.max(0, removable))) {
      await journal.remove(segment);
    }
  }

  async #sleep(ms: number | undefined, signal: AbortSignal): Promise<void> {
    const woken = new AbortController();
    // With a wait to keep, more log is no reason to wake; a whole segment or a new timeline is.
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#wake = () => {
      if (ms === undefined || typeof this.#next() === 'object') resolve();
    };
    signal.addEventListener('abort', () => resolve(), { once: true, signal: woken.signal });
    if (ms !== undefined) {
      void this.#options.host.clock.sleep(ms, woken.signal).then(resolve, () => undefined);
    }
    try {
      if (!signal.aborted && (ms !== undefined || this.#next() === undefined)) await promise;
    } finally {
      this.#wake = undefined;
      woken.abort();
    }
  }
}
