import type { Instant } from '../../../content/instant.ts';
import { HoldfastError } from '../../../errors/holdfast-error.ts';
import type { Host } from '../../../host/host.ts';
import { formatLsn, type Lsn, parseLsn } from '../lsn.ts';
import type { Connection, CopyBoth } from '../protocol/connection.ts';
import { type FlushedBy, FlushListener } from './flushed-by.ts';
import type { Journal } from './journal.ts';
import type { JournalPosition } from './journal-recovery.ts';
import {
  parseReplicationMessage,
  type ReplicationMessage,
  standbyStatus,
} from './replication-messages.ts';

export interface WalStreamOptions {
  readonly host: Host;
  readonly connection: Connection;
  readonly journal: Journal;
  /** What may be told as flushed, given what is durable in the journal. */
  readonly acknowledge: (durable: JournalPosition) => Lsn;
  readonly statusIntervalMs: number;
  /** Silence after which the server counts as gone. */
  readonly livenessMs: number;
  /** The server has answered: the stream works. */
  readonly onStreaming: () => void;
  readonly onDurable: (position: JournalPosition) => void;
  readonly onKeepalive: (server: { readonly end: Lsn; readonly time: Instant }) => void;
  /** Now and then: the log up to a position is all there was at a time. */
  readonly onFlushed: (flushed: FlushedBy) => void;
}

/** The stream's timeline ended at `at`; `timeline` goes on. */
export interface TimelineEnd {
  readonly timeline: number;
  readonly at: Lsn;
}

/** More than this undurable, and the server is held back. */
const MAX_PENDING = 16 << 20;
/** Of what the server had flushed and by when, this much apart. */
const FLUSHED_SPACING_MICROS = 200_000;

/**
 * One START_REPLICATION into the journal.
 *
 * Everything readable in a turn of the event loop is taken, then made durable by one sync and told
 * in one status message, while the next group is being read: group commit. A position is told only
 * after `Journal.flush` answered it.
 */
export class WalStream {
  readonly #options: WalStreamOptions;
  readonly #timeline: number;
  readonly #start: Lsn;
  readonly #listener = new FlushListener();
  #toldFlushed = Number.NEGATIVE_INFINITY;
  #copy: CopyBoth | undefined;
  #durable: Lsn;
  #dirty = false;
  #syncing: Promise<void> | undefined;
  #lastHeard: number;
  #heard = false;
  #paused = false;
  #over = false;

  constructor(options: WalStreamOptions, position: JournalPosition) {
    this.#options = options;
    this.#timeline = position.timeline;
    this.#start = position.lsn;
    this.#durable = position.lsn;
    this.#lastHeard = options.host.clock.monotonic();
  }

  /** Resolves at the end of a timeline, with the next one; rejects for every other end. */
  async run(signal: AbortSignal): Promise<TimelineEnd> {
    const { connection, journal } = this.#options;
    const position = { timeline: this.#timeline, lsn: this.#start };
    await journal.attach(position);
    const stop = new AbortController();
    const copy = await connection.copyBoth(
      `START_REPLICATION PHYSICAL ${formatLsn(this.#start)} TIMELINE ${this.#timeline}`,
      { data: (payload) => this.#receive(payload) },
      { signal },
    );
    this.#copy = copy;
    const watching = copy.streaming ? this.#watch(stop.signal) : undefined;
    try {
      this.tell(true);
      this.#schedule();
      const sets = await copy.ended;
      await this.#settle();
      return nextTimeline(sets.flatMap(({ rows }) => rows)[0], connection.peer.address);
    } finally {
      this.#over = true;
      stop.abort();
      await watching;
      await this.#syncing?.catch(() => undefined);
    }
  }

  /** Tells the server what may be told now: after an upload, when the upload is what counts. */
  tell(replyRequested = false): void {
    if (this.#over || !this.#copy?.streaming) return;
    const { host, acknowledge } = this.#options;
    const durable = { timeline: this.#timeline, lsn: this.#durable };
    const status = {
      written: this.#durable,
      flushed: acknowledge(durable),
      nowMillis: host.clock.now(),
      replyRequested,
    };
    this.#copy.send(standbyStatus(status));
  }

  #receive(payload: Buffer): void {
    const message = parseReplicationMessage(payload);
    this.#lastHeard = this.#options.host.clock.monotonic();
    if (!message) return;
    if (!this.#heard) this.#options.onStreaming();
    this.#heard = true;
    this.#listen(message);
    if (message.kind === 'keepalive') {
      this.#options.onKeepalive({ end: message.serverEnd, time: message.time });
      if (message.replyRequested) this.tell();
      return;
    }
    const { journal, connection } = this.#options;
    journal.append(message.start, message.bytes);
    this.#dirty = true;
    this.#schedule();
    if (journal.pendingBytes <= MAX_PENDING || this.#paused) return;
    this.#paused = true;
    connection.pause();
  }

  #listen(message: ReplicationMessage): void {
    const flushed = this.#listener.hear(message);
    if (!flushed) return;
    // Either way: a clock that was set back is not waited for.
    if (Math.abs(flushed.time - this.#toldFlushed) < FLUSHED_SPACING_MICROS) return;
    this.#toldFlushed = flushed.time;
    this.#options.onFlushed(flushed);
  }

  /** After everything readable in this turn was read. */
  #schedule(): void {
    if (!this.#dirty || this.#syncing || !this.#copy) return;
    const { connection } = this.#options;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#syncing = promise
      .then(() => this.#sync())
      .catch((error: Error) => connection.destroy(error))
      .finally(() => {
        this.#syncing = undefined;
        if (!this.#over && connection.open) this.#schedule();
      });
    setImmediate(resolve);
  }

  async #sync(): Promise<void> {
    const { journal, connection, onDurable } = this.#options;
    this.#dirty = false;
    this.#durable = await journal.flush();
    this.tell();
    onDurable({ timeline: this.#timeline, lsn: this.#durable });
    if (!this.#paused) return;
    this.#paused = false;
    this.#lastHeard = this.#options.host.clock.monotonic();
    connection.resume();
  }

  async #settle(): Promise<void> {
    while (this.#syncing) await this.#syncing;
    if (this.#dirty) await this.#sync();
  }

  /**
   * An idle server sends nothing while it hears from us, so every status asks for an answer: a
   * healthy idle connection is told from a dead one by its answers, never by the log moving.
   */
  async #watch(signal: AbortSignal): Promise<void> {
    const { host, connection, statusIntervalMs, livenessMs } = this.#options;
    try {
      while (!signal.aborted) {
        await host.clock.sleep(statusIntervalMs, signal);
        const silent = host.clock.monotonic() - this.#lastHeard;
        // Held back by us, the server cannot be heard.
        if (silent > livenessMs && !this.#paused) {
          const reason = `nothing came for ${Math.round(silent / 1000)} s`;
          connection.destroy(
            new HoldfastError('POSTGRES_CONNECTION_LOST', { ...connection.peer, reason }),
          );
          return;
        }
        this.tell(true);
      }
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  }
}

/** The row after the stream of a historic timeline; a server that shuts down sends none. */
function nextTimeline(row: readonly (string | null)[] | undefined, address: string): TimelineEnd {
  const [timeline, at] = row ?? [];
  if (!timeline || !at) {
    const reason = 'it shut the stream down';
    throw new HoldfastError('WAL_STREAM_ENDED', { address, reason });
  }
  return { timeline: Number(timeline), at: parseLsn(at) };
}
