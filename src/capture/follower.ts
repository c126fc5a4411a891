import { inspect } from '../engines/postgres/inspect/inspect.ts';
import type { Lsn } from '../engines/postgres/lsn.ts';
import { Journal } from '../engines/postgres/wal/journal.ts';
import type { JournalPosition } from '../engines/postgres/wal/journal-recovery.ts';
import { type PublisherEvent, WalPublisher } from '../engines/postgres/wal/publisher.ts';
import {
  type DurabilityTier,
  type ReceiverEvent,
  WalReceiver,
} from '../engines/postgres/wal/receiver.ts';
import { type SlotEvent, SlotKeeper } from '../engines/postgres/wal/slot-keeper.ts';
import { Lease } from '../repository/leases/lease.ts';
import type { Lineage } from '../repository/lineages.ts';
import type { Repository } from '../repository/repository.ts';
import { CoveredTime } from './covered-time.ts';
import { enrolLineage } from './enrol-lineage.ts';
import { decodeFollowerPosition, encodeFollowerPosition } from './follower-position.ts';
import { repositoryLogSink } from './log-sink.ts';
import type { PostgresSource, Reach } from './source.ts';
import { openOrStoreJournal } from './store-journal.ts';

export interface FollowerOptions {
  readonly repository: Repository;
  readonly source: PostgresSource;
  /** Directory of the local durable journal. */
  readonly journal: string;
  /** What synchronous_standby_names may name. */
  readonly applicationName: string;
  /** A permanent slot that keeps the log until it is stored; undefined: none. */
  readonly slot?: string;
  /** What is told to the server as flushed: `journal` when absent. */
  readonly durability?: DurabilityTier;
  readonly uploadEveryMs?: number;
  /** How often what is covered is written to the repository. */
  readonly reportEveryMs?: number;
  readonly holder: string;
  readonly leaseTtlMs?: number;
  readonly onEvent?: (event: FollowerEvent) => void;
  readonly onNotice?: (sentence: string) => void;
  readonly signal?: AbortSignal;
}

export type FollowerEvent = ReceiverEvent | PublisherEvent | SlotEvent;

export interface Followed {
  readonly lineage: Lineage;
  readonly started: JournalPosition | undefined;
  /** Durable in the journal. */
  readonly flushed: JournalPosition | undefined;
  /** Durable in the repository. */
  readonly stored: JournalPosition | undefined;
  readonly reconnects: number;
}

/** How long `stop` tries to store what the journal still holds. */
const DRAIN_MS = 60_000;
const REPORT_EVERY_MS = 5_000;
/** Short: commits may wait for the follower that takes over from a killed one. */
const LEASE_TTL_MS = 15_000;
/** Each status asks the server where it is: how old the covered time of an idle server gets. */
const STATUS_EVERY_MS = 2_000;

/**
 * Follows a source until stopped: the server's log into the journal, the journal into the
 * repository, the slot behind what is stored. What the journal holds survives this process; what
 * the repository holds survives this machine.
 */
export class Follower implements AsyncDisposable {
  readonly lineage: Lineage;
  readonly #options: FollowerOptions;
  readonly #journal: Journal;
  readonly #lease: Lease;
  readonly #publisher: WalPublisher;
  readonly #receiver: WalReceiver;
  readonly #keeper: SlotKeeper | undefined;
  readonly #covered = new CoveredTime();
  readonly #stop = new AbortController();
  readonly #streams = Promise.withResolvers<void>();
  readonly #over = Promise.withResolvers<void>();
  #started: JournalPosition | undefined;
  #connections = 0;
  #primary = false;
  #reported: string | undefined;
  #ended = false;

  /** Resolves once the lease is held and the slot stands; streaming begins behind it. */
  static async start(options: FollowerOptions): Promise<Follower> {
    const { repository, source, holder, leaseTtlMs = LEASE_TTL_MS } = options;
    const { signal, slot, onNotice } = options;
    await using session = await openOrStoreJournal({ ...options, leaseTtlMs });
    const inspection = await inspect({ replication: session, signal });
    const { lineage } = await enrolLineage({ repository, source, inspection, onNotice });
    const lease = await Lease.acquire({
      repository,
      lineage: lineage.id,
      role: 'log',
      holder,
      ttlMs: leaseTtlMs,
      ...(signal && { signal }),
      onWaiting: ({ holder: other }) =>
        onNotice?.(`Waiting to see whether ${other} still follows ${source.name}.`),
    });
    let journal: Journal | undefined;
    try {
      journal = await Journal.open({
        host: repository.host,
        directory: options.journal,
        systemIdentifier: inspection.systemIdentifier,
        segmentSize: inspection.walSegmentSize,
      });
      const reach = await source.reach({ physical: true });
      const sqlReach = await source.reach({ physical: false });
      const follower = new Follower({ options, lineage, lease, journal, reach, sqlReach });
      if (slot !== undefined) await follower.#keeper?.once(signal);
      follower.#begin();
      return follower;
    } catch (error) {
      await journal?.close().catch(() => undefined);
      await lease.release().catch(() => undefined);
      throw error;
    }
  }

  private constructor(parts: {
    readonly options: FollowerOptions;
    readonly lineage: Lineage;
    readonly lease: Lease;
    readonly journal: Journal;
    readonly reach: Reach;
    readonly sqlReach: Reach;
  }) {
    const { options, lineage, lease, journal } = parts;
    const { host } = options.repository;
    this.#options = options;
    this.lineage = lineage;
    this.#lease = lease;
    this.#journal = journal;
    this.#publisher = new WalPublisher({
      host,
      journal,
      sink: repositoryLogSink({ repository: options.repository, lineage }),
      resumeAt: decodeFollowerPosition(lease.payload) ?? undefined,
      onEvent: (event) => this.#published(event),
      ...(options.uploadEveryMs !== undefined && { pieceIntervalMs: options.uploadEveryMs }),
    });
    this.#keeper =
      options.slot === undefined
        ? undefined
        : new SlotKeeper({
            host,
            source: { ...parts.sqlReach, applicationName: `${options.applicationName}_slot` },
            slot: options.slot,
            uploaded: () => this.#publisher.uploaded,
            onEvent: (event) => options.onEvent?.(event),
          });
    this.#receiver = new WalReceiver({
      host,
      journal,
      source: { ...parts.reach, applicationName: options.applicationName },
      ...(options.durability && { tier: options.durability }),
      statusIntervalMs: STATUS_EVERY_MS,
      uploaded: () => this.#publisher.uploaded,
      oldestKept: async (): Promise<Lsn | undefined> =>
        this.#keeper?.state?.restartLsn ?? undefined,
      onEvent: (event) => this.#received(event),
    });
    this.streaming.catch(() => undefined);
    this.ended.catch(() => undefined);
  }

  #begin(): void {
    this.#run().then(this.#over.resolve, (error) => {
      this.#streams.reject(error);
      this.#over.reject(error);
    });
  }

  /** Resolves with the first byte's stream; rejects when following ended before. */
  get streaming(): Promise<void> {
    return this.#streams.promise;
  }

  /** Rejects for what waiting does not mend; resolves after `stop`. */
  get ended(): Promise<void> {
    return this.#over.promise;
  }

  get position(): Followed {
    return {
      lineage: this.lineage,
      started: this.#started,
      flushed: this.#journal.end,
      stored: this.#publisher.uploaded,
      reconnects: Math.max(0, this.#connections - 1),
    };
  }

  /** Ends the stream, then stores what the journal still holds. */
  async stop(): Promise<Followed> {
    if (this.#ended) return this.position;
    this.#ended = true;
    this.#stop.abort();
    try {
      await this.ended;
    } finally {
      try {
        await this.#publisher.drain(AbortSignal.timeout(DRAIN_MS));
      } finally {
        await this.#journal.close();
        await this.#lease.release(this.#payload()).catch(() => undefined);
      }
    }
    return this.position;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop().catch(() => undefined);
  }

  /** Whichever part ends first ends the others. */
  async #run(): Promise<void> {
    this.#lease.keepAlive();
    const { signal } = this.#stop;
    const parts = [
      this.#receiver.run(signal),
      this.#publisher.run(signal),
      this.#report(signal),
      ...(this.#keeper ? [this.#keeper.run(signal)] : []),
    ];
    try {
      await Promise.race(parts);
    } finally {
      this.#stop.abort();
      await Promise.allSettled(parts);
    }
  }

  #received(event: ReceiverEvent): void {
    if (event.kind === 'connected') {
      this.#started ??= event.start;
      this.#connections++;
      this.#primary = !event.server.standby;
      this.#streams.resolve();
    }
    if (event.kind === 'position') this.#publisher.notify();
    if (event.kind === 'timeline-switch') this.#covered.reset();
    // A standby knows only what reached it: of the primary's commits it may lack the newest.
    if (event.kind === 'flushed' && this.#primary) {
      this.#covered.serverSaid(event);
      this.#noteStored();
    }
    this.#options.onEvent?.(event);
  }

  #published(event: PublisherEvent): void {
    if (event.kind === 'uploaded') {
      this.#receiver.uploadAdvanced();
      this.#noteStored();
    }
    this.#options.onEvent?.(event);
  }

  #noteStored(): void {
    const stored = this.#publisher.uploaded;
    if (stored && stored.timeline === this.#journal.end?.timeline) this.#covered.stored(stored.lsn);
  }

  /** Tells everybody who reads the repository how far the log reaches, and until when. */
  async #report(signal: AbortSignal): Promise<void> {
    const { repository, reportEveryMs = REPORT_EVERY_MS } = this.#options;
    const { clock } = repository.host;
    while (!signal.aborted) {
      const payload = this.#payload();
      const text = JSON.stringify(payload);
      if (text !== this.#reported) {
        const said = () => text;
        this.#reported = await this.#lease.renew(payload).then(said, () => this.#reported);
      }
      // Paused is no reason to end: the log needs no lease, and commits may wait for the journal.
      if (this.#lease.state === 'lost') this.#lease.guard();
      await clock.sleep(reportEveryMs, signal).catch(() => undefined);
    }
  }

  #payload() {
    const stored = this.#publisher.uploaded;
    const time = this.#covered.time;
    if (!stored || time === undefined) return this.#lease.payload;
    return encodeFollowerPosition({ ...stored, time });
  }
}
