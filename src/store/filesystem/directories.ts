import path from 'node:path';
import { HoldfastError } from '../../errors/holdfast-error.ts';
import type { FileSystem } from '../../host/file-system.ts';
import { errnoOf, isDenied } from './file-error.ts';

/** Makes the entries of a directory durable. */
export async function syncDirectory(fs: FileSystem, directory: string): Promise<void> {
  const handle = await fs.promises.open(directory, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/**
 * The directories below the root of one store.
 *
 * An entry made by another process may not be durable yet, so a directory counts as durable only
 * once this process has synced its parent; that is done once a directory and a process.
 */
export class Directories {
  readonly #fs: FileSystem;
  readonly #root: string;
  readonly #durable = new Set<string>();
  #device: number | undefined;

  constructor(fs: FileSystem, root: string) {
    this.#fs = fs;
    this.#root = root;
  }

  /**
   * STORE_UNAVAILABLE unless the root is a directory on the device where it was first seen;
   * STORE_ROOT_DENIED when this user may not even look.
   * An unmounted volume leaves an empty mount point: read as a repository, everything in it would
   * be absent and every write would go to the wrong disk.
   */
  async assertRoot(): Promise<void> {
    const unavailable = (reason: string, cause?: unknown) =>
      new HoldfastError('STORE_UNAVAILABLE', { location: this.#root, reason }, { cause });
    let found: { dev: number; isDirectory(): boolean };
    try {
      found = await this.#fs.promises.stat(this.#root);
    } catch (error) {
      const reason = errnoOf(error) ?? String(error);
      // Waiting does not open it, as it may bring a volume back.
      if (isDenied(error)) {
        const facts = { location: this.#root, reason };
        throw new HoldfastError('STORE_ROOT_DENIED', facts, { cause: error });
      }
      throw unavailable(reason, error);
    }
    if (!found.isDirectory()) throw unavailable('it is not a directory');
    this.#device ??= found.dev;
    if (this.#device !== found.dev) throw unavailable('another volume is mounted there now');
  }

  /** Creates `directory` and its parents up to the root, durably. Never creates the root. */
  async ensure(directory: string): Promise<void> {
    if (directory === this.#root || this.#durable.has(directory)) return;
    const parent = path.dirname(directory);
    await this.ensure(parent);
    try {
      await this.#fs.promises.mkdir(directory, { mode: 0o750 });
    } catch (error) {
      if (errnoOf(error) !== 'EEXIST') throw error;
    }
    await syncDirectory(this.#fs, parent);
    this.#durable.add(directory);
  }

  /** Another process may remove an empty directory: look again at everything below the root. */
  forget(): void {
    this.#durable.clear();
  }
}
