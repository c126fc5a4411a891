import type { Instant } from '../../../content/instant.ts';
import { HoldfastError, isHoldfastError } from '../../../errors/holdfast-error.ts';
import type { Host } from '../../../host/host.ts';
import { formatLsn, type Lsn } from '../lsn.ts';
import type { Connection } from '../protocol/connection.ts';
import { backoff } from './backoff.ts';
import { openBestServer, type SourceHosts } from './best-server.ts';
import type { Journal } from './journal.ts';
import type { JournalPosition } from './journal-recovery.ts';
import { segmentStart } from './segment-name.ts';
import {
  keepHistories,
  refuseOtherCluster,
  remoteApplyProblem,
  timelinesOf,
} from './source-checks.ts';
import { identifyServer, type SourceServer } from './source-server.ts';
import { chooseStart, freshStart } from './start-position.ts';
import { type TimelineEnd, WalStream } from './wal-stream.ts';

/** What a server may take a report of a flush for. */
export type DurabilityTier =
  /** Durable on this machine. */
  | 'journal'
  /** Durable in the repository. */
  | 'repository';

export type ReceiverEvent =
  | { readonly kind: 'connected'; readonly server: SourceServer; readonly start: JournalPosition }
  /** Everything before it is durable in the journal. */
  | { readonly kind: 'position'; readonly position: JournalPosition }
  | { readonly kind: 'keepalive'; readonly serverEnd: Lsn; readonly serverTime: Instant }
  /** Everything this server had flushed by `time`, on its clock, lies before `end`. */
  | { readonly kind: 'flushed'; readonly end: Lsn; readonly time: Instant }
  | {
      readonly kind: 'timeline-switch';
      readonly from: number;
      readonly to: number;
      readonly at: Lsn;
      /** What the journal holds of the old timeline up to here was lost by the new one. */
      readonly beyond: Lsn | null;
    }
  /** The log between is gone: a new backup is needed. `error` says so to a person. */
  | {
      readonly kind: 'gap';
      readonly timeline: number;
      readonly from: Lsn;
      readonly to: Lsn;
      readonly error: HoldfastError;
    }
  | { readonly kind: 'disconnected'; readonly error: unknown; readonly retryInMs: number }
  | { readonly kind: 'warning'; readonly error: HoldfastError };

export interface ReceiverOptions {
  readonly host: Host;
  readonly journal: Journal;
  /** `applicationName` is what synchronous_standby_names may name; the slot has another one. */
  readonly source: SourceHosts;
  /** `journal` when absent. */
  readonly tier?: DurabilityTier;
  /**
   * How far the repository holds the log: what tier `repository` acknowledges, and where to go on
   * when the journal was lost or left far behind.
   */
  readonly uploaded?: () => JournalPosition | undefined;
  /** The oldest position the server still keeps for us, as its slot says. */
  readonly oldestKept?: () => Promise<Lsn | undefined>;
  /** Called in order, on this thread; must not throw. */
  readonly onEvent: (event: ReceiverEvent) => void;
  readonly statusIntervalMs?: number;
  readonly livenessMs?: number;
  readonly maxRetryMs?: number;
}

const STATUS_INTERVAL_MS = 10_000;
const LIVENESS_MS = 60_000;
const MAX_RETRY_MS = 30_000;

/**
 * Follows a server into the journal until told to stop, over lost connections, restarts and
 * promotions.
 *
 * Rejects for what waiting does not mend: another cluster, a fork, a journal that failed, and
 * before the first stream also what the person must correct (credentials, settings).
 */
export class WalReceiver {
  readonly #options: ReceiverOptions;
  #stream: WalStream | undefined;
  #streamedOnce = false;
  #othersMayCome = false;
  #failures = 0;

  constructor(options: ReceiverOptions) {
    this.#options = options;
  }

  /** The repository holds more: with tier `repository` the server is told at once. */
  uploadAdvanced(): void {
    if (this.#options.tier === 'repository') this.#stream?.tell();
  }

  async run(signal: AbortSignal): Promise<void> {
    const { host, journal, onEvent, maxRetryMs = MAX_RETRY_MS } = this.#options;
    while (!signal.aborted) {
      try {
        await this.#session(signal);
      } catch (error) {
        if (signal.aborted) break;
        if (journal.failure) throw journal.failure;
        if (!this.#isWorthRetrying(error)) throw error;
        const retryInMs = backoff({ host, attempt: this.#failures++, maxMs: maxRetryMs });
        onEvent({ kind: 'disconnected', error, retryInMs });
        await host.clock.sleep(retryInMs, signal).catch(() => undefined);
      }
    }
  }

  #isWorthRetrying(error: unknown): boolean {
    if (!isHoldfastError(error)) return false;
    // A primary that a failover left behind, while the right one does not answer yet.
    if (error.code === 'WAL_JOURNAL_AHEAD' && this.#othersMayCome) return true;
    if (error.kind === 'conflict' || error.kind === 'internal') return false;
    if (error.kind === 'denied' || error.kind === 'usage') return this.#streamedOnce;
    return true;
  }

  async #session(signal: AbortSignal): Promise<never> {
    const { host, journal, source, onEvent } = this.#options;
    const { connection, server, complete } = await openBestServer({
      host,
      source,
      replication: true,
      signal,
    });
    this.#othersMayCome = !complete;
    const abort = () => connection.destroy(signal.reason);
    signal.addEventListener('abort', abort, { once: true });
    try {
      refuseOtherCluster(server, journal);
      // Refused while a person looks on; later, leaving would protect nobody.
      const problem = await remoteApplyProblem(connection, source.applicationName, signal);
      if (problem && !this.#streamedOnce) throw problem;
      if (problem) onEvent({ kind: 'warning', error: problem });
      await keepHistories({ connection, journal, timelines: timelinesOf(server), signal });
      return await this.#follow(connection, server, signal);
    } finally {
      signal.removeEventListener('abort', abort);
      connection.destroy();
    }
  }

  async #follow(
    connection: Connection,
    identified: SourceServer,
    signal: AbortSignal,
  ): Promise<never> {
    const { journal, onEvent, oldestKept } = this.#options;
    const { segmentSize } = journal;
    let server = identified;
    const held = this.#heldEnd();
    const startAt = held ? undefined : await oldestKept?.();
    let start = chooseStart({ server, journal: held, segmentSize, startAt });
    for (;;) {
      if (start.switched) {
        const { from, at, beyond } = start.switched;
        onEvent({ kind: 'timeline-switch', from, to: start.timeline, at, beyond });
      }
      const next = await this.#streamOrGap({ connection, server, start, signal });
      server = await identifyServer(connection, signal);
      const timelines = [...timelinesOf(server), next.timeline];
      await keepHistories({ connection, journal, timelines, signal });
      const end = journal.end?.lsn ?? next.at;
      start = {
        timeline: next.timeline,
        lsn: segmentStart(next.at, segmentSize),
        switched: { from: start.timeline, at: next.at, beyond: end > next.at ? end : null },
      };
    }
  }

  /**
   * The journal's end, unless the repository holds much more: another machine followed meanwhile.
   * A little more does not count: the journal is cut at a record, and goes on without a hole.
   */
  #heldEnd(): JournalPosition | undefined {
    const { journal, uploaded } = this.#options;
    const stored = uploaded?.();
    const { end } = journal;
    if (!end || !stored) return end ?? stored;
    const further =
      stored.timeline > end.timeline ||
      (stored.timeline === end.timeline && stored.lsn - end.lsn > BigInt(journal.segmentSize));
    return further ? stored : end;
  }

  /** What the server no longer has is told as a gap; the stream goes on from what it has. */
  async #streamOrGap(session: StreamSession): Promise<TimelineEnd> {
    const { journal, onEvent, oldestKept } = this.#options;
    const { server, start } = session;
    const from = this.#heldEnd()?.lsn ?? start.lsn;
    try {
      return await this.#streamFrom(session);
    } catch (error) {
      if (!isRemoved(error)) throw error;
    }
    const kept = await oldestKept?.();
    for (const candidate of kept === undefined ? [server.flushed] : [kept, server.flushed]) {
      const available = freshStart(server, candidate, journal.segmentSize);
      if (available.lsn <= start.lsn) continue;
      const facts = {
        address: server.address,
        wanted: formatLsn(from),
        available: formatLsn(available.lsn),
      };
      const error = new HoldfastError('WAL_GAP', facts);
      const { timeline, lsn: to } = available;
      try {
        return await this.#streamFrom({
          ...session,
          start: available,
          onStreaming: () => onEvent({ kind: 'gap', timeline, from, to, error }),
        });
      } catch (error) {
        if (!isRemoved(error)) throw error;
      }
    }
    const reason = 'it has removed the log it is writing';
    throw new HoldfastError('WAL_STREAM_ENDED', { address: server.address, reason });
  }

  async #streamFrom(session: StreamSession): Promise<TimelineEnd> {
    const { host, journal, onEvent, statusIntervalMs, livenessMs } = this.#options;
    const { connection, server, start, signal } = session;
    const stream = new WalStream(
      {
        host,
        connection,
        journal,
        acknowledge: (durable) => this.#acknowledged(durable, start),
        statusIntervalMs: statusIntervalMs ?? STATUS_INTERVAL_MS,
        livenessMs: livenessMs ?? LIVENESS_MS,
        onStreaming: () => {
          this.#streamedOnce = true;
          this.#failures = 0;
          session.onStreaming?.();
          onEvent({ kind: 'connected', server, start });
        },
        onDurable: (position) => onEvent({ kind: 'position', position }),
        onKeepalive: ({ end, time }) =>
          onEvent({ kind: 'keepalive', serverEnd: end, serverTime: time }),
        onFlushed: (flushed) => onEvent({ kind: 'flushed', ...flushed }),
      },
      start,
    );
    this.#stream = stream;
    try {
      return await stream.run(signal);
    } finally {
      this.#stream = undefined;
    }
  }

  #acknowledged(durable: JournalPosition, start: JournalPosition): Lsn {
    if (this.#options.tier !== 'repository') return durable.lsn;
    const uploaded = this.#options.uploaded?.();
    if (uploaded?.timeline !== durable.timeline) return start.lsn;
    return uploaded.lsn < durable.lsn ? uploaded.lsn : durable.lsn;
  }
}

interface StreamSession {
  readonly connection: Connection;
  readonly server: SourceServer;
  readonly start: JournalPosition;
  readonly signal: AbortSignal;
  readonly onStreaming?: () => void;
}

/** undefined_file: in START_REPLICATION, that of a removed segment, whatever language it is in. */
const isRemoved = (error: unknown): boolean =>
  isHoldfastError(error) && error.facts.sqlState === '58P01';
