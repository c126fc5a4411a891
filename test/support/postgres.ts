import { promises as fs } from 'node:fs';
import { join } from 'node:path';
import { after } from 'node:test';
import { connect } from '../../src/engines/postgres/protocol/connect.ts';
import type { Connection } from '../../src/engines/postgres/protocol/connection.ts';
import type { ServerBinaries } from '../../src/engines/postgres/server/binaries.ts';
import type { Settings } from '../../src/engines/postgres/server/isolation.ts';
import type { Server, StopMode } from '../../src/engines/postgres/server/server.ts';
import {
  chooseServerUser,
  type ServerUser,
} from '../../src/engines/postgres/server/server-user.ts';
import { startServer } from '../../src/engines/postgres/server/start-server.ts';
import { machine } from '../../src/host/host.ts';
import { cloneRunning, copyStopped } from './clone.ts';
import { createCluster } from './cluster-template.ts';
import { freePort } from './free-port.ts';
import { testBinaries } from './majors.ts';
import { killPostmaster, removeTemporary, temporaryDirectory } from './temporary.ts';

export interface TestPostgresOptions {
  readonly major: number;
  /** Over the test defaults: fsync off, 16 MB of shared buffers. */
  readonly settings?: Settings;
  /** For initdb: `--data-checksums`, `--wal-segsize=1`, `--allow-group-access`, … */
  readonly initdb?: readonly string[];
  /** How TCP connections authenticate; the socket always trusts. The default is trust. */
  readonly auth?: 'trust' | 'scram-sha-256' | 'md5' | 'password' | 'cert';
  /** The superuser's. */
  readonly password?: string;
  /** Lines before the default ones of pg_hba.conf. */
  readonly hba?: readonly string[];
}

const SUPERUSER = 'postgres';

const TEST_SETTINGS: Settings = {
  fsync: 'off',
  shared_buffers: '16MB',
  max_connections: '30',
  max_wal_senders: '8',
  max_replication_slots: '8',
  autovacuum_naptime: '1h',
  log_timezone: 'UTC',
};

/** Creates and starts a real cluster that this process owns; dispose it with `await using`. */
export async function startPostgres(options: TestPostgresOptions): Promise<TestPostgres> {
  const { major, auth = 'trust', password, hba = [] } = options;
  const binaries = await testBinaries(major);
  if (!binaries) throw new Error(`PostgreSQL ${major} is not installed`);
  const node = await prepareNode(binaries, { ...TEST_SETTINGS, ...options.settings });
  await createCluster({
    binaries,
    dataDir: node.dataDir,
    user: node.user,
    superuser: SUPERUSER,
    args: options.initdb ?? [],
  });
  const tcp = auth === 'cert' ? 'hostssl' : 'host';
  const lines = [
    'local all all trust',
    'local replication all trust',
    ...hba,
    `${tcp} all all 127.0.0.1/32 ${auth}`,
    `${tcp} replication all 127.0.0.1/32 ${auth}`,
  ];
  await fs.writeFile(join(node.dataDir, 'pg_hba.conf'), `${lines.join('\n')}\n`);
  const postgres = new TestPostgres(node, password);
  await postgres.start();
  if (password !== undefined) {
    const method = auth === 'md5' ? 'md5' : 'scram-sha-256';
    await postgres.sql(
      `SET password_encryption = '${method}'; ALTER ROLE ${SUPERUSER} PASSWORD '${password}'`,
    );
  }
  return postgres;
}

/**
 * One server of each version for the tests of a file, from the first that asks to the file's end.
 * A test that stopped or killed it leaves that to the next one that asks.
 */
export function sharedPostgres(
  options: Omit<TestPostgresOptions, 'major'> = {},
): (major: number) => Promise<TestPostgres> {
  const servers = new Map<number, Promise<TestPostgres>>();
  after(async () => {
    for (const starting of await Promise.allSettled(servers.values())) {
      if (starting.status === 'fulfilled') await starting.value[Symbol.asyncDispose]();
    }
  });
  return async (major) => {
    const starting = servers.get(major) ?? startPostgres({ ...options, major });
    servers.set(major, starting);
    const server = await starting;
    if (server.server.exit) await server.start();
    return server;
  };
}

export interface Node {
  readonly binaries: ServerBinaries;
  readonly user: ServerUser | undefined;
  readonly root: string;
  readonly dataDir: string;
  readonly runDir: string;
  readonly port: number;
  readonly settings: Settings;
}

async function prepareNode(binaries: ServerBinaries, settings: Settings): Promise<Node> {
  const user = await chooseServerUser({ host: machine });
  const root = temporaryDirectory(() => killPostmaster(join(root, 'data')));
  const node: Node = {
    binaries,
    user,
    root,
    dataDir: join(root, 'data'),
    runDir: join(root, 'run'),
    port: await freePort(),
    settings,
  };
  for (const directory of [node.dataDir, node.runDir]) await makeOwned(node, directory);
  return node;
}

async function makeOwned(node: Pick<Node, 'user'>, directory: string): Promise<void> {
  await fs.mkdir(directory, { mode: 0o700 });
  if (node.user) await fs.chown(directory, node.user.uid, node.user.gid);
}

/** A throw-away server. Whoever fails to dispose it still leaves nothing behind. */
export class TestPostgres {
  readonly host = '127.0.0.1';
  readonly superuser = SUPERUSER;
  readonly password: string | undefined;
  readonly node: Node;
  #server: Server | undefined;
  readonly #sessions = new Map<string, Connection>();

  constructor(node: Node, password?: string) {
    this.node = node;
    this.password = password;
  }

  get major(): number {
    return this.node.binaries.major;
  }

  get dataDir(): string {
    return this.node.dataDir;
  }

  get port(): number {
    return this.node.port;
  }

  get socketDir(): string {
    return this.node.runDir;
  }

  get server(): Server {
    if (!this.#server) throw new Error('the server was not started');
    return this.#server;
  }

  /** Starts it (again); `settings` are for this run only. */
  async start(settings: Settings = {}): Promise<void> {
    const { binaries, user, dataDir, runDir, port } = this.node;
    this.#server = await startServer({
      host: machine,
      binaries,
      user,
      dataDir,
      runDir,
      port,
      listen: this.host,
      isolated: false,
      settings: { ...this.node.settings, ...settings },
    });
  }

  /** A session over the socket as superuser; close it yourself. */
  async connect(database = 'postgres'): Promise<Connection> {
    return await connect({
      host: this.socketDir,
      port: this.port,
      user: SUPERUSER,
      database,
      applicationName: 'holdfast test',
    });
  }

  /** Runs statements and answers the rows of the last that had any. */
  async sql(text: string, database = 'postgres'): Promise<(string | null)[][]> {
    const kept = this.#sessions.get(database);
    const session = kept?.open ? kept : await this.connect(database);
    this.#sessions.set(database, session);
    const sets = await session.query(text);
    const rows = sets.findLast(({ columns }) => columns.length > 0)?.rows ?? [];
    return rows.map((row) => [...row]);
  }

  /** The single value of a query. */
  async value(text: string, database?: string): Promise<string> {
    const [[value] = []] = await this.sql(text, database);
    if (value === null || value === undefined) throw new Error(`no value: ${text}`);
    return value;
  }

  async stop(mode: StopMode = 'fast'): Promise<void> {
    await this.#closeSessions();
    await this.#server?.stop(mode);
  }

  async kill9(): Promise<void> {
    await this.#closeSessions();
    await this.#server?.kill();
  }

  async promote(): Promise<void> {
    await this.sql('SELECT pg_promote(true, 60)');
  }

  /** Creates a tablespace in a directory of its own; answers the directory. */
  async addTablespace(name: string): Promise<string> {
    const directory = join(this.node.root, `tablespace-${name}`);
    await makeOwned(this.node, directory);
    await this.sql(`CREATE TABLESPACE ${name} LOCATION '${directory}'`);
    return directory;
  }

  /** Copies the stopped cluster, tablespaces excepted; answers the copy's data directory. */
  async copyStopped(): Promise<string> {
    return await copyStopped(this.node);
  }

  /** A running hot standby that streams from this server, with its own copies of tablespaces. */
  async makeStandby(options: { readonly settings?: Settings } = {}): Promise<TestPostgres> {
    const { binaries, settings } = this.node;
    const node = await prepareNode(binaries, { ...settings, ...options.settings });
    await cloneRunning({ primary: this, node });
    const standby = new TestPostgres(node, this.password);
    await standby.start();
    return standby;
  }

  /** Resolves when `standby` has replayed everything this server has written by now. */
  async waitForReplay(standby: TestPostgres): Promise<void> {
    const written = await this.value('SELECT pg_current_wal_flush_lsn()');
    for (let waited = 0; waited < 1_000; waited++) {
      const replayed = `SELECT pg_last_wal_replay_lsn() >= '${written}'`;
      if ((await standby.value(replayed)) === 't') return;
      await machine.clock.sleep(20);
    }
    throw new Error(`the standby did not reach ${written}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#closeSessions();
    await this.#server?.stop('immediate');
    removeTemporary(this.node.root);
  }

  async #closeSessions(): Promise<void> {
    for (const session of this.#sessions.values()) await session.close();
    this.#sessions.clear();
  }
}
