import path from 'node:path';
import { HoldfastError } from '../../errors/holdfast-error.ts';
import type { FileSystem } from '../../host/file-system.ts';
import type { Host } from '../../host/host.ts';
import { type Directories, syncDirectory } from './directories.ts';
import { errnoOf } from './file-error.ts';

const TEMPORARY = '.tmp-';
/** Errnos by which a file system says that it knows no hard links. */
const NO_LINKS = new Set(['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS']);

export function isTemporary(name: string): boolean {
  return name.startsWith(TEMPORARY);
}

export type Created = 'created' | 'exists';

/**
 * Creates `target` with all of `parts`, or nothing: temporary file, fsync, link(2), fsync of the
 * directory. link(2) never replaces; rename would, and Node has no flock to guard it.
 *
 * 'exists' is answered only after what exists was synced too: its writer may have died before its
 * own sync, and callers take "exists and is equal" for durable.
 *
 * When only the last fsync fails the call rejects but the object stays visible: unlinking it could
 * take it from another process that synced and acknowledged it meanwhile. Repeating the call syncs
 * again before it answers 'exists'.
 */
export async function createOnly(options: {
  host: Host;
  directories: Directories;
  target: string;
  parts: readonly Uint8Array[];
}): Promise<Created> {
  const { host, directories, target, parts } = options;
  const { fs } = host;
  const directory = path.dirname(target);
  const temporary = path.join(directory, TEMPORARY + host.random.bytes(12).toString('hex'));
  let created: Created;
  try {
    await prepare({ directories, directory, write: () => writeDurably(fs, temporary, parts) });
    created = await link(fs, temporary, target);
  } finally {
    await fs.promises.unlink(temporary).catch(() => undefined);
  }
  if (created === 'created') await syncDirectory(fs, directory);
  else await syncExisting(fs, target);
  return created;
}

/** Once more when the directory was removed between being known and being written to. */
async function prepare(options: {
  directories: Directories;
  directory: string;
  write: () => Promise<void>;
}): Promise<void> {
  const { directories, directory, write } = options;
  await directories.ensure(directory);
  try {
    await write();
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw error;
    directories.forget();
    await directories.ensure(directory);
    await write();
  }
}

async function link(fs: FileSystem, temporary: string, target: string): Promise<Created> {
  try {
    await fs.promises.link(temporary, target);
    return 'created';
  } catch (error) {
    if (errnoOf(error) === 'EEXIST') return 'exists';
    if (!NO_LINKS.has(errnoOf(error) ?? '')) throw error;
    const facts = { location: path.dirname(target), reason: 'its file system has no hard links' };
    throw new HoldfastError('STORE_UNSUITABLE', facts, { cause: error });
  }
}

async function writeDurably(
  fs: FileSystem,
  file: string,
  parts: readonly Uint8Array[],
): Promise<void> {
  const handle = await fs.promises.open(file, 'wx', 0o640);
  try {
    for (const part of parts) {
      let written = 0;
      while (written < part.length) {
        written += (await handle.write(part, written, part.length - written)).bytesWritten;
      }
    }
    await handle.sync();
  } catch (error) {
    await handle.close().catch(() => undefined);
    throw error;
  }
  // A network file system reports a full quota only here.
  await handle.close();
}

async function syncExisting(fs: FileSystem, target: string): Promise<void> {
  try {
    const handle = await fs.promises.open(target, 'r');
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  } catch (error) {
    // Removed since: it did exist, and that is all that is claimed.
    if (errnoOf(error) !== 'ENOENT') throw error;
  }
  await syncDirectory(fs, path.dirname(target));
}
