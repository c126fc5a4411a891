import path from 'node:path';
import { HoldfastError } from '../../errors/holdfast-error.ts';
import type { Host } from '../../host/host.ts';
import { assertKey } from '../key.ts';
import type { ByteRange, Store, StoredObject, VersionedObject } from '../store.ts';
import { createOnly } from './create-only.ts';
import { Directories, syncDirectory } from './directories.ts';
import { errnoOf, storeError } from './file-error.ts';
import { newest, VERSION_DIRECTORY, writeNext } from './versions.ts';
import { walk } from './walk.ts';

/**
 * A repository in a directory. An object is a file of its key's name, a mutable object a directory
 * of numbered versions (versions.ts). All of it must be one file system with hard links.
 *
 * The root must exist: see `createRoot`. When it is missing, or another volume sits there, every
 * call answers STORE_UNAVAILABLE; only a missing object under a present root is STORE_ABSENT.
 * A key is either immutable (put, get, stat) or mutable (read, replace, discard), never both.
 */
export class FileSystemStore implements Store {
  readonly location: string;
  readonly #host: Host;
  readonly #directories: Directories;

  constructor(options: { root: string; host: Host }) {
    this.location = path.resolve(options.root);
    this.#host = options.host;
    this.#directories = new Directories(options.host.fs, this.location);
  }

  async put(key: string, body: Uint8Array | readonly Uint8Array[]): Promise<void> {
    const created = await this.#guarded('write', key, () =>
      createOnly({
        host: this.#host,
        directories: this.#directories,
        target: this.#path(key),
        parts: body instanceof Uint8Array ? [body] : body,
      }),
    );
    if (created === 'exists') throw new HoldfastError('STORE_EXISTS', { key });
  }

  get(key: string, range?: ByteRange): Promise<Buffer> {
    return this.#guarded('read', key, async () => {
      const handle = await this.#orAbsent(key, this.#host.fs.promises.open(this.#path(key), 'r'));
      try {
        const found = await handle.stat();
        if (!found.isFile()) throw new HoldfastError('STORE_ABSENT', { key });
        const start = Math.min(range?.start ?? 0, found.size);
        const end = Math.max(start, Math.min(range?.end ?? found.size, found.size));
        const bytes = Buffer.allocUnsafe(end - start);
        let read = 0;
        while (read < bytes.length) {
          const got = await handle.read(bytes, read, bytes.length - read, start + read);
          if (got.bytesRead === 0) throw truncated(key, start + read);
          read += got.bytesRead;
        }
        return bytes;
      } finally {
        await handle.close();
      }
    });
  }

  stat(key: string): Promise<StoredObject> {
    return this.#guarded('stat', key, async () => {
      const found = await this.#orAbsent(key, this.#host.fs.promises.stat(this.#path(key)));
      if (!found.isFile()) throw new HoldfastError('STORE_ABSENT', { key });
      return { key, size: found.size, modified: found.mtimeMs };
    });
  }

  async *list(prefix: string): AsyncGenerator<StoredObject> {
    const host = this.#host;
    try {
      await this.#directories.assertRoot();
      const base = prefix.slice(0, prefix.lastIndexOf('/') + 1);
      if (base) assertKey(base.slice(0, -1));
      yield* walk({ host, directory: path.join(this.location, base), base, prefix });
      await this.#directories.assertRoot();
    } catch (error) {
      throw storeError(error, { operation: 'list', key: prefix });
    }
  }

  async remove(key: string): Promise<void> {
    await this.#guarded('remove', key, async () => {
      const file = this.#path(key);
      try {
        await this.#host.fs.promises.unlink(file);
      } catch (error) {
        if (isMissing(error)) return;
        throw error;
      }
      // Durable too: collection removes a commit first and its packs afterwards.
      await syncDirectory(this.#host.fs, path.dirname(file));
    });
  }

  read(key: string): Promise<VersionedObject | null> {
    return this.#guarded('read', key, async () => {
      const current = await newest({ host: this.#host, directory: this.#versions(key) });
      return current === null || current.body.length === 0 ? null : current;
    });
  }

  async replace(key: string, body: Uint8Array, expected: string | null): Promise<string> {
    if (body.length === 0) throw new HoldfastError('INTERNAL', { reason: `empty body for ${key}` });
    return await this.#writeNext(key, body, expected);
  }

  async discard(key: string, expected: string): Promise<void> {
    await this.#writeNext(key, Buffer.alloc(0), expected);
  }

  #writeNext(key: string, body: Uint8Array, expected: string | null): Promise<string> {
    return this.#guarded('replace', key, () =>
      writeNext({
        host: this.#host,
        directories: this.#directories,
        key,
        directory: this.#versions(key),
        body,
        expected,
      }),
    );
  }

  /** The root is checked before and after: the volume may go while the call runs. */
  async #guarded<T>(operation: string, key: string, run: () => Promise<T>): Promise<T> {
    assertKey(key);
    try {
      await this.#directories.assertRoot();
    } catch (error) {
      throw storeError(error, { operation, key });
    }
    try {
      const result = await run();
      await this.#directories.assertRoot();
      return result;
    } catch (error) {
      await this.#directories.assertRoot();
      throw storeError(error, { operation, key });
    }
  }

  async #orAbsent<T>(key: string, found: Promise<T>): Promise<T> {
    try {
      return await found;
    } catch (error) {
      if (isMissing(error)) throw new HoldfastError('STORE_ABSENT', { key }, { cause: error });
      throw error;
    }
  }

  #path(key: string): string {
    return path.join(this.location, ...key.split('/'));
  }

  #versions(key: string): string {
    return this.#path(key) + VERSION_DIRECTORY;
  }
}

/**
 * Creates the directory for a new repository, durably, with missing parents. Only `init` calls it:
 * everything else takes a missing root for a volume that is not mounted.
 */
export async function createRoot(options: { root: string; host: Host }): Promise<void> {
  const { fs } = options.host;
  const root = path.resolve(options.root);
  const missing: string[] = [];
  try {
    for (let at = root; !(await exists(fs, at)); at = path.dirname(at)) missing.unshift(at);
    for (const directory of missing) {
      await fs.promises.mkdir(directory, { recursive: true, mode: 0o750 });
      await syncDirectory(fs, path.dirname(directory));
    }
  } catch (error) {
    throw storeError(error, { operation: 'create', key: root });
  }
}

async function exists(fs: Host['fs'], file: string): Promise<boolean> {
  try {
    await fs.promises.stat(file);
    return true;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return false;
    throw error;
  }
}

/** ENOTDIR: the key runs through another object, so no object has it. */
function isMissing(error: unknown): boolean {
  const errno = errnoOf(error);
  return errno === 'ENOENT' || errno === 'ENOTDIR';
}

function truncated(key: string, at: number): HoldfastError {
  const reason = `the file ended early, at byte ${at}`;
  return new HoldfastError('STORE_TRANSIENT', { operation: 'read', key, reason });
}
