import { join } from 'node:path';
import { HoldfastError } from '../../../errors/holdfast-error.ts';
import type { Host } from '../../../host/host.ts';
import { readControlFile } from '../control-file.ts';
import type { ServerBinaries } from './binaries.ts';
import { synthesiseConfiguration } from './configuration.ts';
import { isolationSettings, type Settings } from './isolation.ts';
import { isAlive, readPostmasterFile } from './postmaster-file.ts';
import { LOG_LINE_PREFIX, type RecoveryEvent } from './recovery-event.ts';
import { LOG_FILE, makeRunDirectory, removeWhenEnded } from './run-directory.ts';
import { Server } from './server.ts';
import { giveTo, type ServerUser } from './server-user.ts';

export interface StartOptions {
  readonly host: Host;
  readonly dataDir: string;
  readonly binaries: ServerBinaries;
  /** From chooseServerUser; the data directory must be that user's. */
  readonly user: ServerUser | undefined;
  /** Names the socket; a TCP port only with `listen`. 5432 in a directory of its own if absent. */
  readonly port?: number;
  /** Addresses to listen on; none when absent. */
  readonly listen?: string;
  /** Added last, so they win over isolation: restore_command, a recovery target, sizes, … */
  readonly settings?: Settings;
  /** Written to postgresql.conf should the directory hold none: what the source ran with. */
  readonly sourceSettings?: Settings;
  /** Overrides whatever could reach production (trap 13) and lets nobody but us connect. */
  readonly isolated: boolean;
  /** Kept by the caller; a fresh one, gone with the server even if we are first, when absent. */
  readonly runDir?: string;
  readonly onEvent?: (event: RecoveryEvent) => void;
  readonly signal?: AbortSignal;
  /** `launched` does not wait: for a recovery that shuts down at its target. */
  readonly until?: 'accepting' | 'launched';
}

/** Starts PostgreSQL on `dataDir`; when it rejects, nothing is left running. */
export async function startServer(options: StartOptions): Promise<Server> {
  const { host, dataDir, binaries, user, signal, until = 'accepting' } = options;
  await refuseUnsuitable(options);
  const runDir = options.runDir ?? (await makeRunDirectory({ host, user }));
  const cleanUp = async () => {
    if (!options.runDir) await host.fs.promises.rm(runDir, { recursive: true, force: true });
  };
  let server: Server | undefined;
  try {
    await synthesiseConfiguration({ host, dataDir, user, settings: options.sourceSettings ?? {} });
    if (options.isolated) await isolate({ host, dataDir, runDir, user });
    // The source's max_connections and its like: recovery of prepared transactions needs them.
    const sizes: Settings = options.isolated ? await sizesOf({ host, dataDir }) : {};
    server = await Server.launch({
      host,
      program: binaries.postgres,
      args: commandLine({ ...options, runDir, sizes }),
      user,
      dataDir,
      socketDir: runDir,
      port: options.port ?? DEFAULT_PORT,
      logFile: join(runDir, LOG_FILE),
      onEvent: options.onEvent,
      ...(!options.runDir && { heldBy: () => removeWhenEnded(runDir) }),
      cleanUp,
    });
    if (until === 'accepting') await server.ready(signal);
    return server;
  } catch (error) {
    await (server ? server.stop('immediate') : cleanUp());
    throw error;
  }
}

const DEFAULT_PORT = 5432;

function commandLine(
  options: StartOptions & { readonly runDir: string; readonly sizes: Settings },
): string[] {
  const { dataDir, binaries, runDir, port = DEFAULT_PORT, listen = '', sizes, settings } = options;
  const { major } = binaries;
  const isolation = options.isolated ? isolationSettings({ major, dataDir, runDir }) : {};
  const all = inOrder(isolation, sizes, {
    port: String(port),
    listen_addresses: listen,
    unix_socket_directories: runDir,
    unix_socket_permissions: '0700',
    logging_collector: 'off',
    log_line_prefix: LOG_LINE_PREFIX,
    lc_messages: 'C',
    ...(major >= 15 && { log_startup_progress_interval: '1s' }),
    ...settings,
  });
  return ['-D', dataDir, ...all.flatMap(([name, value]) => ['-c', `${name}=${value}`])];
}

/**
 * Each name once, where it was mentioned last: PostgreSQL takes them in order, and refuses a
 * recovery target that is set before the others are emptied.
 */
function inOrder(...layers: readonly Settings[]): [string, string][] {
  const merged = new Map<string, string>();
  for (const [name, value] of layers.flatMap((layer) => Object.entries(layer))) {
    merged.delete(name);
    merged.set(name, value);
  }
  return [...merged];
}

async function isolate(options: {
  readonly host: Host;
  readonly dataDir: string;
  readonly runDir: string;
  readonly user: ServerUser | undefined;
}): Promise<void> {
  const { host, dataDir, runDir, user } = options;
  const { promises: fs } = host.fs;
  await fs.rm(join(dataDir, 'standby.signal'), { force: true });
  // Safe: the socket directory can be entered by the server's user and root only.
  const files = { 'pg_hba.conf': 'local all all trust\n', 'pg_ident.conf': '' };
  for (const [name, content] of Object.entries(files)) {
    await fs.writeFile(join(runDir, name), content, { mode: 0o600 });
    await giveTo({ host, path: join(runDir, name), user });
  }
}

async function sizesOf(options: {
  readonly host: Host;
  readonly dataDir: string;
}): Promise<Settings> {
  const { settings } = await readControlFile(options);
  return Object.fromEntries(Object.entries(settings).map(([name, value]) => [name, String(value)]));
}

async function refuseUnsuitable(options: StartOptions): Promise<void> {
  const { host, dataDir, binaries } = options;
  let found: string;
  try {
    found = (await host.fs.promises.readFile(join(dataDir, 'PG_VERSION'), 'utf8')).trim();
  } catch (cause) {
    const { message } = cause as Error;
    throw new HoldfastError(
      'POSTGRES_NOT_A_DATA_DIRECTORY',
      { dataDir, reason: message },
      { cause },
    );
  }
  if (Number(found) !== binaries.major) {
    throw new HoldfastError('POSTGRES_BINARIES_MISMATCH', {
      dataDir,
      found,
      version: binaries.version,
    });
  }
  await refuseRunning({ host, dataDir });
  await readControlFile({ host, dataDir });
}

/** A pid that lives may be another process's by now; PostgreSQL too refuses only its own kind. */
export async function refuseRunning(options: {
  readonly host: Host;
  readonly dataDir: string;
}): Promise<void> {
  const { host, dataDir } = options;
  const file = await readPostmasterFile(options);
  if (!file || !(await isAlive({ host, pid: file.pid }))) return;
  const name = await host.fs.promises.readFile(`/proc/${file.pid}/comm`, 'utf8').catch(() => '');
  if (name !== '' && name.trim() !== 'postgres') return;
  throw new HoldfastError('POSTGRES_SERVER_RUNNING', { dataDir, pid: file.pid });
}
