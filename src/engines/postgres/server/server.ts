import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import type { Writable } from 'node:stream';
import { HoldfastError } from '../../../errors/holdfast-error.ts';
import type { Host } from '../../../host/host.ts';
import { LogReader } from './log-reader.ts';
import { isAlive, readPostmasterFile } from './postmaster-file.ts';
import { processesIn, signalAll } from './processes.ts';
import { parseRecoveryEvent, type RecoveryEvent } from './recovery-event.ts';
import { serverEnvironment } from './run-program.ts';
import type { ServerUser } from './server-user.ts';

export type StopMode = 'smart' | 'fast' | 'immediate';

const STOP_SIGNAL = { smart: 'SIGTERM', fast: 'SIGINT', immediate: 'SIGQUIT' } as const;
const POLL_MS = 20;
const ORPHAN_GRACE_MS = 5_000;

export interface ServerExit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface LaunchOptions {
  readonly host: Host;
  readonly program: string;
  readonly args: readonly string[];
  readonly user: ServerUser | undefined;
  readonly dataDir: string;
  readonly socketDir: string;
  readonly port: number;
  readonly logFile: string;
  readonly onEvent?: ((event: RecoveryEvent) => void) | undefined;
  /** Made for the server to inherit: open as long as we, it or a process of its run. */
  readonly heldBy?: () => Writable;
  /** Runs after the last process is gone. */
  readonly cleanUp: () => Promise<void>;
}

/** A running postmaster and its children. Does not keep this process alive by itself. */
export class Server {
  readonly dataDir: string;
  /** Host of a local connection. */
  readonly socketDir: string;
  readonly port: number;
  readonly logFile: string;
  readonly #options: LaunchOptions;
  readonly #mark = `HOLDFAST_SERVER=${randomUUID()}`;
  readonly #child: ChildProcess;
  readonly #log: LogReader;
  readonly #events: RecoveryEvent[] = [];
  readonly #lastLines: string[] = [];
  #exit: ServerExit | undefined;
  #spawnError: Error | undefined;
  #cleaned = false;
  readonly #held: Writable | undefined;

  /** Starts the process and answers at once; `ready` waits. */
  static async launch(options: LaunchOptions): Promise<Server> {
    const log = await options.host.fs.promises.open(options.logFile, 'a', 0o600);
    try {
      const { size } = await log.stat();
      return new Server(options, log.fd, size);
    } finally {
      await log.close();
    }
  }

  private constructor(options: LaunchOptions, logDescriptor: number, logOffset: number) {
    const { host, program, args, user, dataDir, socketDir, port, logFile } = options;
    this.#options = options;
    this.dataDir = dataDir;
    this.socketDir = socketDir;
    this.port = port;
    this.logFile = logFile;
    this.#log = new LogReader({ host, path: logFile, offset: logOffset });
    const [name = '', value = ''] = this.#mark.split('=');
    this.#held = options.heldBy?.();
    this.#child = spawn(program, [...args], {
      cwd: socketDir,
      env: { ...serverEnvironment(), [name]: value },
      stdio: ['ignore', logDescriptor, logDescriptor, ...(this.#held ? [this.#held] : [])],
      // An interrupt on the terminal is ours to pass on, not for the whole process group.
      detached: true,
      ...(user && { uid: user.uid, gid: user.gid }),
    });
    this.#child.unref();
    this.#child.on('error', (error) => {
      this.#spawnError = error;
      this.#exit ??= { code: null, signal: null };
    });
    this.#child.on('exit', (code, signal) => {
      this.#exit = { code, signal };
    });
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** Undefined while it runs. */
  get exit(): ServerExit | undefined {
    return this.#exit;
  }

  /** What the log told so far, as of the last wait. */
  get events(): readonly RecoveryEvent[] {
    return this.#events;
  }

  /** Resolves once connections are accepted: in recovery as soon as it is consistent. */
  async ready(signal?: AbortSignal): Promise<void> {
    await this.#until(async () => {
      const file = await readPostmasterFile(this.#options);
      return file?.pid === this.pid && (file.status === 'ready' || file.status === 'standby');
    }, signal);
  }

  /**
   * Resolves when recovery is over: promoted, paused at its target, or shut down there, as its
   * target action says. Never for a standby that has no target.
   */
  async recovered(signal?: AbortSignal): Promise<'promoted' | 'paused' | 'shut-down'> {
    const outcome = () => {
      for (const event of this.#events) {
        if (event.kind === 'paused') return 'paused' as const;
        if (event.kind === 'shut-down' && this.#reachedTarget) return 'shut-down' as const;
        if (event.kind === 'accepting' && !event.readOnly) return 'promoted' as const;
      }
      return undefined;
    };
    await this.#until(async () => outcome() !== undefined, signal);
    return outcome() ?? 'promoted';
  }

  get #reachedTarget(): boolean {
    return this.#events.some(({ kind }) => kind === 'stopping');
  }

  /** Reads what the log says by now; `onEvent` hears it. */
  async poll(): Promise<void> {
    for (const line of await this.#log.lines()) {
      this.#lastLines.push(line);
      if (this.#lastLines.length > 20) this.#lastLines.shift();
      const event = parseRecoveryEvent(line);
      if (!event) continue;
      this.#events.push(event);
      this.#options.onEvent?.(event);
    }
  }

  async stop(mode: StopMode = 'fast', signal?: AbortSignal): Promise<void> {
    if (!this.#exit) signalAll([this.pid], STOP_SIGNAL[mode]);
    await this.#gone(signal);
  }

  /** kill -9 of the postmaster and of everything it left behind. */
  async kill(): Promise<void> {
    if (!this.#exit) {
      const family = await this.#processes();
      signalAll([this.pid, ...family], 'SIGKILL');
    }
    await this.#gone();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop('immediate');
  }

  async #gone(signal?: AbortSignal): Promise<void> {
    if (this.#cleaned) return;
    const { clock } = this.#options.host;
    while (!this.#exit) {
      signal?.throwIfAborted();
      await clock.sleep(POLL_MS);
    }
    await this.poll();
    const patience = clock.monotonic() + ORPHAN_GRACE_MS;
    for (;;) {
      const orphans = await this.#processes();
      if (orphans.length === 0 || (await this.#succeeded())) break;
      if (clock.monotonic() > patience) signalAll(orphans, 'SIGKILL');
      await clock.sleep(POLL_MS);
    }
    this.#cleaned = true;
    await this.#options.cleanUp();
    this.#held?.destroy();
  }

  /** Somebody else runs a server on the directory by now: those processes are not ours. */
  async #succeeded(): Promise<boolean> {
    const { host } = this.#options;
    const file = await readPostmasterFile(this.#options);
    return file !== null && file.pid !== this.pid && (await isAlive({ host, pid: file.pid }));
  }

  async #processes(): Promise<number[]> {
    const { host, dataDir } = this.#options;
    return await processesIn({ host, dataDir, mark: this.#mark, postmaster: this.pid });
  }

  async #until(done: () => Promise<boolean>, signal?: AbortSignal): Promise<void> {
    for (;;) {
      signal?.throwIfAborted();
      // Read before the log, so that everything an exited server wrote is seen.
      const exit = this.#exit;
      if (exit === undefined || !this.#spawnError) await this.poll();
      if (await done()) return;
      if (exit) throw this.#failure(exit);
      await this.#options.host.clock.sleep(POLL_MS, signal);
    }
  }

  #failure(exit: ServerExit): HoldfastError {
    const facts = { dataDir: this.dataDir, log: this.logFile };
    if (this.#events.some(({ kind }) => kind === 'target-not-reached')) {
      return new HoldfastError('POSTGRES_TARGET_NOT_REACHED', facts);
    }
    const failed = this.#events.findLast((event) => event.kind === 'failed');
    const reason =
      this.#spawnError?.message ??
      failed?.message ??
      this.#lastLines.findLast((line) => line.trim() !== '') ??
      `it ended with ${exit.signal ?? `exit code ${exit.code}`}`;
    const said = new Error(this.#lastLines.join('\n'), { cause: exit });
    return new HoldfastError('POSTGRES_SERVER_FAILED', { ...facts, reason }, { cause: said });
  }
}
