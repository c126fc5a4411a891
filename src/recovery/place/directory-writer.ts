import type { FileHandle } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Host } from '../../host/host.ts';
import type { RestoreTarget } from '../../repository/snapshots/restore-snapshot.ts';
import { atDestination } from './destination-error.ts';

/** Open at once; a cluster may have more files than a process may hold. */
const OPEN_FILES = 128;
/** Under way at once: a journal commits many for the price of one, and most files are small. */
const SYNCS = 16;

interface OpenFile {
  readonly handle: Promise<FileHandle>;
  /** Under way now; only an idle file is closed. */
  writes: number;
}

interface Placed {
  readonly path: string;
  readonly size: number;
  readonly mode: number;
}

/**
 * Files written at positions, in any order, below one directory. Each is fsynced when it is
 * complete, so that a power cut after `flush` leaves what was restored.
 */
export class DirectoryWriter implements RestoreTarget {
  readonly #host: Host;
  readonly #root: string;
  /** Least recently used first. */
  readonly #open = new Map<string, OpenFile>();
  readonly #made = new Set<string>();
  readonly #modes = new Map<string, number>();
  readonly #syncing = new Set<Promise<void>>();
  #failure: unknown;
  bytesWritten = 0;

  constructor(options: { readonly host: Host; readonly root: string }) {
    this.#host = options.host;
    this.#root = options.root;
  }

  async directory(entry: { readonly path: string; readonly mode: number }): Promise<void> {
    const { path, mode } = entry;
    const target = join(this.#root, path);
    const { promises: fs } = this.#host.fs;
    this.#modes.set(path, mode);
    await this.#guard(async () => {
      await fs.mkdir(target, { recursive: true, mode });
      // It may have been there before, and our umask may have taken bits away.
      await fs.chmod(target, mode);
    });
  }

  /** Permission bits the snapshot has for a directory that was restored. */
  modeOf(path: string): number | undefined {
    return this.#modes.get(path);
  }

  /** Creates the file at its full size; what is never written stays a hole of zeroes. */
  async file({ path, size, mode }: Placed): Promise<void> {
    const target = join(this.#root, path);
    await this.#guard(async () => {
      const parent = dirname(target);
      if (!this.#made.has(parent)) {
        await this.#host.fs.promises.mkdir(parent, { recursive: true, mode: 0o700 });
        this.#made.add(parent);
      }
      const handle = await this.#host.fs.promises.open(target, 'wx', mode);
      try {
        if ((mode & 0o077) !== 0) await handle.chmod(mode);
        await handle.truncate(size);
      } finally {
        await handle.close();
      }
    });
  }

  async write({ path }: { path: string }, offset: number, bytes: Uint8Array): Promise<void> {
    const file = this.#use(path);
    file.writes++;
    try {
      await this.#guard(async () => {
        const handle = await file.handle;
        for (let done = 0; done < bytes.length; ) {
          const left = bytes.length - done;
          const { bytesWritten } = await handle.write(bytes, done, left, offset + done);
          done += bytesWritten;
        }
      });
      this.bytesWritten += bytes.length;
    } finally {
      file.writes--;
    }
    if (this.#open.size > OPEN_FILES) await this.#guard(() => this.#closeIdle());
  }

  /** The file is complete: on disk once `flush` resolves. Throws what went wrong with any other. */
  async close({ path }: { path: string }): Promise<void> {
    this.#use(path);
    const sync = this.#guard(() => this.#sync(path)).then(
      () => void this.#syncing.delete(sync),
      (error: unknown) => {
        this.#syncing.delete(sync);
        this.#failure ??= error;
      },
    );
    this.#syncing.add(sync);
    if (this.#syncing.size >= SYNCS) await Promise.race(this.#syncing);
    if (this.#failure) throw this.#failure;
  }

  /** Everything that was closed is on disk. */
  async flush(): Promise<void> {
    await Promise.all(this.#syncing);
    if (this.#failure) throw this.#failure;
  }

  /** A small file at once. */
  async whole(file: {
    readonly path: string;
    readonly bytes: Buffer;
    readonly mode: number;
  }): Promise<void> {
    const { path, bytes, mode } = file;
    await this.file({ path, size: bytes.length, mode });
    await this.write({ path }, 0, bytes);
    await this.close({ path });
  }

  /** After a failure: lets go of the files without a promise about them. */
  async abandon(): Promise<void> {
    const files = [...this.#open.values()];
    this.#open.clear();
    await Promise.all(this.#syncing);
    for (const { handle } of files) {
      await handle.then((opened) => opened.close()).catch(() => undefined);
    }
  }

  #use(path: string): OpenFile {
    const file = this.#open.get(path) ?? {
      handle: this.#host.fs.promises.open(join(this.#root, path), 'r+'),
      writes: 0,
    };
    this.#open.delete(path);
    this.#open.set(path, file);
    return file;
  }

  async #closeIdle(): Promise<void> {
    for (const [path, { writes }] of [...this.#open]) {
      if (this.#open.size <= OPEN_FILES) return;
      if (writes === 0) await this.#sync(path);
    }
  }

  async #sync(path: string): Promise<void> {
    const file = this.#open.get(path);
    if (!file) return;
    this.#open.delete(path);
    const handle = await file.handle;
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  }

  #guard(act: () => Promise<unknown>): Promise<unknown> {
    return atDestination(this.#root, act);
  }
}
