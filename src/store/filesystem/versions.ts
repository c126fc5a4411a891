import path from 'node:path';
import { HoldfastError } from '../../errors/holdfast-error.ts';
import type { FileSystem } from '../../host/file-system.ts';
import type { Host } from '../../host/host.ts';
import type { VersionedObject } from '../store.ts';
import { createOnly } from './create-only.ts';
import type { Directories } from './directories.ts';
import { errnoOf } from './file-error.ts';

/**
 * A mutable object is a directory `<key>.v` of numbered files, each written once:
 *
 *   lease.json.v/0000000007    the version before (kept for readers that just chose it)
 *   lease.json.v/0000000008    the highest number is the object; empty = discarded
 *
 * Compare-and-swap is create-only of the next number. A number can be free again once older
 * versions were trimmed, so a writer that slept through several versions could still create its
 * own: it won only if afterwards its number is the highest and its predecessor is still there.
 */
export const VERSION_DIRECTORY = '.v';

const NUMBER = /^[0-9]{10}$/;
const KEPT = 2;

interface Place {
  readonly host: Host;
  readonly directories: Directories;
  readonly key: string;
  /** The version directory. */
  readonly directory: string;
}

/** The newest version, discarded or not; null when there is none. */
export async function newest(
  place: Pick<Place, 'host' | 'directory'>,
): Promise<VersionedObject | null> {
  const { fs } = place.host;
  for (;;) {
    const highest = (await numbers(fs, place.directory)).at(-1);
    if (highest === undefined) return null;
    try {
      return await readVersion(fs, place.directory, highest);
    } catch (error) {
      // Trimmed between listing and opening: newer ones exist.
      if (errnoOf(error) !== 'ENOENT') throw error;
    }
  }
}

/** Writes the version after `expected`; STORE_CHANGED when another writer did. An empty body discards. */
export async function writeNext(
  place: Place & { body: Uint8Array; expected: string | null },
): Promise<string> {
  const { host, directories, directory, key, body, expected } = place;
  const changed = () => new HoldfastError('STORE_CHANGED', { key });
  const current = await newest(place);
  const visible = current === null || current.body.length === 0 ? null : current.version;
  if (visible !== expected) throw changed();

  const version = format(Number(current?.version ?? 0) + 1);
  const target = path.join(directory, version);
  const created = await createOnly({ host, directories, target, parts: [body] });
  if (created === 'exists') throw changed();

  const present = await numbers(host.fs, directory);
  const lost = present.at(-1) !== version || (current && !present.includes(current.version));
  if (lost) {
    // Below a higher number it is never read; above a recreated object it must go.
    await host.fs.promises.unlink(target).catch(() => undefined);
    throw changed();
  }
  for (const old of present.slice(0, -KEPT)) {
    await host.fs.promises.unlink(path.join(directory, old)).catch(() => undefined);
  }
  return version;
}

/** Removes what is left of an object discarded before `before` (milliseconds since the epoch). */
export async function sweepDiscarded(
  place: Pick<Place, 'host' | 'directory'> & { before: number },
): Promise<void> {
  const { fs } = place.host;
  const current = await newest(place);
  if (current === null || current.body.length > 0 || current.modified > place.before) return;
  try {
    for (const number of await numbers(fs, place.directory)) {
      await fs.promises.unlink(path.join(place.directory, number));
    }
    await fs.promises.rmdir(place.directory);
  } catch {
    // Tidying only: a reader without permission, or a writer that came back, ends it.
    return;
  }
}

async function numbers(fs: FileSystem, directory: string): Promise<string[]> {
  try {
    const names = await fs.promises.readdir(directory);
    return names.filter((name) => NUMBER.test(name)).sort();
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return [];
    throw error;
  }
}

async function readVersion(
  fs: FileSystem,
  directory: string,
  version: string,
): Promise<VersionedObject> {
  const handle = await fs.promises.open(path.join(directory, version), 'r');
  try {
    const { mtimeMs } = await handle.stat();
    return { body: await handle.readFile(), version, modified: mtimeMs };
  } finally {
    await handle.close();
  }
}

function format(number: number): string {
  return String(number).padStart(10, '0');
}
