import { join } from 'node:path';
import type { Host } from '../../host/host.ts';
import { RESTORE_COMMAND_SCRIPT, restoreCommand } from './restore-command.ts';

/** A file recovery may ask for, and how to get its bytes from the repository. */
export interface SpoolFile {
  readonly name: string;
  fetch(): Promise<Buffer>;
}

export interface SpoolOptions {
  readonly host: Host;
  /** An empty directory on the same machine as the server; removed by `close`. */
  readonly directory: string;
  /** In the order recovery will want them. */
  readonly files: readonly SpoolFile[];
  /** Files kept ready before they are asked for. */
  readonly ahead: number;
  /** The user the server runs as, when it is not this process's. */
  readonly owner?: { readonly uid: number; readonly gid: number };
}

const POLL_MS = 10;
/** Recovery reads a segment again when it switches timelines or re-reads its checkpoint. */
const KEPT_BEHIND = 4;

/** Fills a directory with log just ahead of a recovering server. */
export class WalSpool {
  readonly #options: SpoolOptions;
  readonly #positions: ReadonlyMap<string, number>;
  readonly #ready = new Set<string>();
  readonly #served = new Set<string>();
  /** Fetched because recovery waits for it: kept until recovery has it, however far behind. */
  readonly #awaited = new Set<string>();
  readonly #stop = new AbortController();
  #cursor = 0;
  #failure: unknown;
  #running: Promise<void> = Promise.resolve();

  static async open(options: SpoolOptions): Promise<WalSpool> {
    const { host, directory, files, owner } = options;
    const { promises: fs } = host.fs;
    for (const folder of ['', 'ready', 'want', 'served']) {
      await fs.mkdir(join(directory, folder), { recursive: true, mode: 0o700 });
      if (owner) await fs.chown(join(directory, folder), owner.uid, owner.gid);
    }
    const spool = new WalSpool(options);
    await spool.#place('fetch.sh', Buffer.from(RESTORE_COMMAND_SCRIPT));
    await spool.#place('pid', Buffer.from(`${process.pid}\n`));
    await spool.#place('plan', Buffer.from(files.map(({ name }) => `${name}\n`).join('')));
    spool.#running = spool.#fill();
    return spool;
  }

  private constructor(options: SpoolOptions) {
    this.#options = options;
    this.#positions = new Map(options.files.map(({ name }, position) => [name, position]));
  }

  get restoreCommand(): string {
    return restoreCommand(this.#options.directory);
  }

  /** Distinct files the server has taken. */
  get servedCount(): number {
    return this.#served.size;
  }

  /** What made the spool stop serving; the server then fails its recovery on purpose. */
  get failure(): unknown {
    return this.#failure;
  }

  async close(): Promise<void> {
    this.#stop.abort();
    await this.#running;
    await this.#options.host.fs.promises.rm(this.#options.directory, {
      recursive: true,
      force: true,
    });
  }

  async #fill(): Promise<void> {
    try {
      while (!this.#stop.signal.aborted) {
        if (!(await this.#step())) await this.#options.host.clock.sleep(POLL_MS);
      }
    } catch (error) {
      this.#failure = error;
      await this.#place('failed', Buffer.from(`${error}\n`));
    }
  }

  /** One fetch, what is asked for before what is next; false when there was nothing to do. */
  async #step(): Promise<boolean> {
    const { files, ahead } = this.#options;
    await this.#noteServed();
    for (const wanted of await this.#entries('want')) {
      const position = this.#positions.get(wanted);
      if (position === undefined || this.#ready.has(wanted)) {
        await this.#remove(join('want', wanted));
        continue;
      }
      this.#awaited.add(wanted);
      await this.#supply(position);
      this.#cursor = Math.max(this.#cursor, position);
      return true;
    }
    const limit = Math.min(this.#cursor + ahead, files.length);
    for (let position = this.#cursor; position < limit; position++) {
      const file = files[position];
      if (!file || this.#ready.has(file.name)) continue;
      await this.#supply(position);
      return true;
    }
    return false;
  }

  async #supply(position: number): Promise<void> {
    const file = this.#options.files[position];
    if (!file) return;
    await this.#place(join('ready', file.name), await file.fetch());
    this.#ready.add(file.name);
    await this.#remove(join('want', file.name));
  }

  async #noteServed(): Promise<void> {
    for (const name of await this.#entries('served')) {
      this.#served.add(name);
      this.#awaited.delete(name);
      await this.#remove(join('served', name));
      this.#cursor = Math.max(this.#cursor, (this.#positions.get(name) ?? 0) + 1);
    }
    for (const name of this.#ready) {
      if (this.#awaited.has(name)) continue;
      if ((this.#positions.get(name) ?? 0) >= this.#cursor - KEPT_BEHIND) continue;
      this.#ready.delete(name);
      await this.#remove(join('ready', name));
    }
  }

  #entries(folder: string): Promise<string[]> {
    return this.#options.host.fs.promises.readdir(join(this.#options.directory, folder));
  }

  async #remove(path: string): Promise<void> {
    await this.#options.host.fs.promises.rm(join(this.#options.directory, path), { force: true });
  }

  /** Recovery never sees half a file: written aside, then moved under its name. */
  async #place(path: string, bytes: Buffer): Promise<void> {
    const { host, directory, owner } = this.#options;
    const { promises: fs } = host.fs;
    const aside = join(directory, '.filling');
    await fs.writeFile(aside, bytes, { mode: 0o600 });
    if (owner) await fs.chown(aside, owner.uid, owner.gid);
    await fs.rename(aside, join(directory, path));
  }
}
