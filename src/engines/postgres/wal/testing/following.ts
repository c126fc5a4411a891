import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { TestPostgres } from '../../../../../test/support/postgres.ts';
import { removeTemporary, temporaryDirectory } from '../../../../../test/support/temporary.ts';
import { type Host, machine } from '../../../../host/host.ts';
import { type Lsn, parseLsn } from '../../lsn.ts';
import { Journal } from '../journal.ts';
import type { JournalPosition } from '../journal-recovery.ts';
import { type ReceiverEvent, type ReceiverOptions, WalReceiver } from '../receiver.ts';
import { indexSegment, type WalEvent } from '../segment-index.ts';

export const RECEIVER_NAME = 'holdfast_log';

/** A receiver that runs in this process against a real server. */
export class Following implements AsyncDisposable {
  readonly journal: Journal;
  readonly events: ReceiverEvent[];
  readonly receiver: WalReceiver;
  readonly #stop: AbortController;
  readonly #running: Promise<unknown>;
  readonly #woken: Set<() => void>;
  /** What `run` rejected with. */
  failure: unknown;

  static async start(
    server: TestPostgres,
    options: Partial<ReceiverOptions> & { readonly directory: string; readonly host?: Host },
  ): Promise<Following> {
    const { host = machine, directory } = options;
    const journal = await Journal.open({ host, directory, ...(await clusterOf(server)) });
    return new Following(server, journal, { ...options, host });
  }

  constructor(server: TestPostgres, journal: Journal, options: Partial<ReceiverOptions>) {
    this.journal = journal;
    this.events = [];
    this.#woken = new Set();
    this.#stop = new AbortController();
    this.receiver = new WalReceiver({
      host: machine,
      journal,
      source: sourceOf(server),
      maxRetryMs: 200,
      ...options,
      onEvent: (event) => {
        this.events.push(event);
        options.onEvent?.(event);
        for (const wake of this.#woken) wake();
      },
    });
    this.#running = this.receiver.run(this.#stop.signal).catch((error: unknown) => {
      this.failure = error;
      for (const wake of this.#woken) wake();
    });
  }

  get end(): JournalPosition | undefined {
    return this.journal.end;
  }

  of<Kind extends ReceiverEvent['kind']>(kind: Kind): Extract<ReceiverEvent, { kind: Kind }>[] {
    return this.events.filter((event) => event.kind === kind) as never;
  }

  /** Looks after every event; fails after `ms`, or when the receiver failed. */
  async until(what: string, reached: () => boolean, ms = 20_000): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const timer = setTimeout(() => reject(new Error(`not in ${ms} ms: ${what}`)), ms);
    const look = () => {
      if (reached()) resolve();
      else if (this.failure) reject(this.failure);
    };
    this.#woken.add(look);
    look();
    try {
      await promise;
    } finally {
      this.#woken.delete(look);
      clearTimeout(timer);
    }
  }

  async reaches(position: Lsn, timeline = 1): Promise<void> {
    await this.until(`position ${position}`, () => {
      const end = this.end;
      return end !== undefined && end.timeline >= timeline && end.lsn >= position;
    });
  }

  /** Resolves when `run` rejected. */
  async fails(): Promise<unknown> {
    await this.until('the receiver fails', () => this.failure !== undefined);
    return this.failure;
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#running;
    await this.journal.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}

export const sourceOf = (server: TestPostgres): ReceiverOptions['source'] => ({
  host: server.socketDir,
  port: server.port,
  user: server.superuser,
  applicationName: RECEIVER_NAME,
});

export async function clusterOf(
  server: TestPostgres,
): Promise<{ systemIdentifier: string; segmentSize: number }> {
  return {
    systemIdentifier: await server.value('select system_identifier from pg_control_system()'),
    segmentSize: Number(await server.value('select bytes_per_wal_segment from pg_control_init()')),
  };
}

export const flushed = async (server: TestPostgres): Promise<Lsn> =>
  parseLsn(await server.value('select pg_current_wal_flush_lsn()'));

/** From now on commits wait for the receiver. */
export async function makeSynchronous(server: TestPostgres): Promise<void> {
  await server.sql(`alter system set synchronous_standby_names = '${RECEIVER_NAME}'`);
  await server.sql('select pg_reload_conf()');
  const state = `select sync_state from pg_stat_replication where application_name = '${RECEIVER_NAME}'`;
  for (let tries = 0; (await server.sql(state))[0]?.[0] !== 'sync'; tries++) {
    if (tries === 200) throw new Error('the receiver never became synchronous');
    await sleep(25);
  }
}

/** Lets commits go on that wait for a receiver that will not come back. */
export async function releaseCommits(server: TestPostgres): Promise<void> {
  await server.sql('set synchronous_commit = local');
  await server.sql('alter system reset synchronous_standby_names');
  await server.sql('select pg_reload_conf()');
}

/** The commits a journal holds of one timeline, by transaction. */
export async function commitsIn(journal: Journal, timeline = 1): Promise<Map<number, WalEvent>> {
  const commits = new Map<number, WalEvent>();
  let previousTail: Buffer | null = null;
  for (const segment of journal.segments.filter((candidate) => candidate.timeline === timeline)) {
    const { segmentSize } = journal;
    const bytes = await journal.read(segment, 0, segment.length);
    const startLsn = (segment.number * BigInt(segmentSize)) as Lsn;
    const index = indexSegment({ bytes, startLsn, segmentSize, previousTail });
    for (const event of index.events) if (event.kind === 'commit') commits.set(event.xid, event);
    previousTail = index.tail;
  }
  return commits;
}

/** The first `length` bytes of the server's own copy. */
export function serversBytes(server: TestPostgres, name: string, length: number): Buffer {
  return readFileSync(join(server.dataDir, 'pg_wal', name)).subarray(0, length);
}

export function temporary(): { readonly path: string; [Symbol.dispose](): void } {
  const path = temporaryDirectory();
  return { path, [Symbol.dispose]: () => removeTemporary(path) };
}

/** Small transactions by several sessions until stopped; answers what was acknowledged. */
export class Load {
  readonly acknowledged: number[] = [];
  #stopping = false;
  readonly #workers: Promise<void>[];

  constructor(server: TestPostgres, clients: number) {
    this.#workers = Array.from({ length: clients }, (_, client) => this.#work(server, client));
  }

  static async prepare(server: TestPostgres): Promise<void> {
    await server.sql('create table if not exists load (client int, n int, body text)');
  }

  async #work(server: TestPostgres, client: number): Promise<void> {
    try {
      await using session = await server.connect();
      for (let n = 0; !this.#stopping; n++) {
        const body = `repeat('${String.fromCharCode(97 + (n % 26))}', ${(n * 37) % 900})`;
        const sql = `begin; insert into load values (${client}, ${n}, ${body}); select txid_current() % 4294967296`;
        const sets = await session.query(sql);
        const xid = Number(sets.at(-1)?.rows[0]?.[0]);
        await session.query('commit');
        this.acknowledged.push(xid);
      }
    } catch {
      // The server was killed: what was not acknowledged does not count.
    }
  }

  /** Resolves when so many commits were acknowledged. */
  async reaches(commits: number, ms = 20_000): Promise<void> {
    for (let waited = 0; this.acknowledged.length < commits; waited += 10) {
      if (waited > ms) throw new Error(`${this.acknowledged.length} commits in ${ms} ms`);
      await sleep(10);
    }
  }

  /** Resolves when every session ended: at once if the server is gone. */
  async stop(): Promise<number[]> {
    this.#stopping = true;
    await Promise.all(this.#workers);
    return this.acknowledged;
  }
}
