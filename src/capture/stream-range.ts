import { formatLsn, type Lsn, lsn } from '../engines/postgres/lsn.ts';
import type { Connection, CopyBoth } from '../engines/postgres/protocol/connection.ts';
import type { LogSink } from '../engines/postgres/wal/log-sink.ts';
import { indexSegment } from '../engines/postgres/wal/segment-index.ts';
import { encodeSegmentIndex } from '../engines/postgres/wal/segment-index-codec.ts';
import { segmentName, segmentNumber, segmentStart } from '../engines/postgres/wal/segment-name.ts';
import { HoldfastError } from '../errors/holdfast-error.ts';

const XLOG_DATA = 0x77;
const XLOG_DATA_HEADER = 25;

/**
 * Streams the log of one timeline from the segment that holds `from` up to `to`, and stores it.
 * Nothing is acknowledged to the server: a temporary slot of the caller's keeps the log there.
 *
 * Resolves when every byte up to `to` is in the repository.
 */
export async function streamRange(options: {
  /** A physical replication session on which nothing else runs. */
  readonly connection: Connection;
  readonly timeline: number;
  readonly from: Lsn;
  readonly to: Lsn;
  readonly segmentSize: number;
  readonly systemIdentifier: string;
  readonly sink: LogSink;
  readonly signal?: AbortSignal | undefined;
}): Promise<void> {
  const { connection, timeline, from, to, segmentSize, signal } = options;
  const start = segmentStart(from, segmentSize);
  const collector = new SegmentCollector(options, start);
  let stream: CopyBoth | undefined;
  stream = await connection.copyBoth(
    `START_REPLICATION PHYSICAL ${formatLsn(start)} TIMELINE ${timeline}`,
    {
      data: (payload) => {
        if (payload[0] !== XLOG_DATA || collector.end >= to) return;
        const at = lsn(payload.readBigUInt64BE(1));
        collector.take(at, payload.subarray(XLOG_DATA_HEADER));
        if (collector.end >= to) stream?.finish();
        else if (collector.full) void collector.drain(connection);
      },
    },
    { signal },
  );
  // The first messages may have come with the server's consent to stream.
  if (collector.end >= to) stream.finish();
  await stream.ended;
  await collector.finish();
  if (collector.end < to) {
    throw new HoldfastError('CAPTURE_LOG_INCOMPLETE', {
      timeline,
      from: formatLsn(collector.end),
      to: formatLsn(to),
    });
  }
}

interface CollectorOptions {
  readonly timeline: number;
  readonly segmentSize: number;
  readonly systemIdentifier: string;
  readonly sink: LogSink;
}

/** Gathers whole segments and hands them on, holding the server back meanwhile. */
class SegmentCollector {
  readonly #options: CollectorOptions;
  readonly #whole: { readonly number: bigint; readonly bytes: Buffer }[] = [];
  #current: Buffer;
  #filled = 0;
  #tail: Buffer | null = null;
  #failure: unknown;
  #draining: Promise<void> = Promise.resolve();
  #position: Lsn;

  constructor(options: CollectorOptions, start: Lsn) {
    this.#options = options;
    this.#position = start;
    this.#current = Buffer.allocUnsafe(options.segmentSize);
  }

  get end(): Lsn {
    return this.#position;
  }

  get full(): boolean {
    return this.#whole.length > 0;
  }

  take(at: Lsn, bytes: Buffer): void {
    if (at !== this.#position) {
      throw new HoldfastError('CAPTURE_LOG_INCOMPLETE', {
        timeline: this.#options.timeline,
        from: formatLsn(this.#position),
        to: formatLsn(at),
      });
    }
    for (let offset = 0; offset < bytes.length; ) {
      const copied = bytes.copy(this.#current, this.#filled, offset);
      offset += copied;
      this.#filled += copied;
      this.#position = lsn(this.#position + BigInt(copied));
      if (this.#filled === this.#options.segmentSize) this.#seal();
    }
  }

  async drain(connection: Connection): Promise<void> {
    connection.pause();
    this.#draining = this.#store();
    await this.#draining;
    if (this.#failure) connection.destroy(asError(this.#failure));
    else connection.resume();
  }

  async finish(): Promise<void> {
    await this.#draining;
    if (this.#filled > 0) this.#seal();
    await this.#store();
    if (this.#failure) throw this.#failure;
  }

  #seal(): void {
    const number = segmentNumber(lsn(this.#position - 1n), this.#options.segmentSize);
    this.#whole.push({ number, bytes: this.#current.subarray(0, this.#filled) });
    this.#current = Buffer.allocUnsafe(this.#options.segmentSize);
    this.#filled = 0;
  }

  async #store(): Promise<void> {
    const { timeline, segmentSize, systemIdentifier, sink } = this.#options;
    try {
      for (let next = this.#whole.shift(); next && !this.#failure; next = this.#whole.shift()) {
        const { number, bytes } = next;
        const startLsn = lsn(number * BigInt(segmentSize));
        const index = indexSegment({
          bytes,
          startLsn,
          segmentSize,
          systemIdentifier,
          previousTail: this.#tail,
        });
        this.#tail = index.tail;
        await sink.putPiece({
          branch: String(timeline),
          segment: segmentName({ timeline, number, segmentSize }),
          from: 0,
          to: bytes.length,
          segmentSize,
          bytes,
          index: encodeSegmentIndex(index),
        });
      }
    } catch (error) {
      this.#failure = error;
    }
  }
}

const asError = (cause: unknown): Error =>
  cause instanceof Error ? cause : new Error(String(cause));
