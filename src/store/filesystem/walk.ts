import type { Dirent } from 'node:fs';
import path from 'node:path';
import type { Host } from '../../host/host.ts';
import { isKeySegment } from '../key.ts';
import type { StoredObject } from '../store.ts';
import { isTemporary } from './create-only.ts';
import { errnoOf } from './file-error.ts';
import { newest, sweepDiscarded, VERSION_DIRECTORY } from './versions.ts';

const STALE_MS = 24 * 60 * 60 * 1000;
const STATS_AT_ONCE = 64;

interface Entry {
  readonly kind: 'object' | 'mutable' | 'directory';
  readonly name: string;
  /** Position of the entry's keys among its siblings' keys. */
  readonly order: string;
}

/** Objects below `directory` whose key starts with `prefix`, in key order; tidies on the way. */
export async function* walk(options: {
  host: Host;
  directory: string;
  /** Key of `directory`: empty, or ends in a slash. */
  base: string;
  prefix: string;
}): AsyncGenerator<StoredObject> {
  const { host, directory, base, prefix } = options;
  const entries = await children(host, directory);
  const wanted = entries.filter(({ order }) => {
    const key = base + order;
    return key.startsWith(prefix) || (key.endsWith('/') && prefix.startsWith(key));
  });
  for (let at = 0; at < wanted.length; at += STATS_AT_ONCE) {
    const group = wanted.slice(at, at + STATS_AT_ONCE);
    const found = await Promise.all(
      group.map((entry) =>
        entry.kind === 'directory' ? undefined : inspect({ host, directory, base, entry }),
      ),
    );
    for (const [index, entry] of group.entries()) {
      const object = found[index];
      if (object) yield object;
      if (entry.kind !== 'directory') continue;
      const below = path.join(directory, entry.name);
      yield* walk({ host, directory: below, base: `${base}${entry.name}/`, prefix });
    }
  }
}

async function children(host: Host, directory: string): Promise<Entry[]> {
  let found: Dirent[];
  try {
    found = await host.fs.promises.readdir(directory, { withFileTypes: true });
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === 'ENOENT' || errno === 'ENOTDIR') return [];
    throw error;
  }
  const entries: Entry[] = [];
  for (const item of found) {
    if (isTemporary(item.name)) await sweepTemporary(host, path.join(directory, item.name));
    else entries.push(...entryOf(item));
  }
  return entries.sort((a, b) => (a.order < b.order ? -1 : 1));
}

/** What is not ours (lost+found, a person's notes) is not an object. */
function entryOf(item: Dirent): Entry[] {
  const { name } = item;
  if (!item.isDirectory()) {
    return isKeySegment(name) ? [{ kind: 'object', name, order: name }] : [];
  }
  const mutable = name.endsWith(VERSION_DIRECTORY)
    ? name.slice(0, -VERSION_DIRECTORY.length)
    : undefined;
  if (mutable !== undefined) {
    return isKeySegment(mutable) ? [{ kind: 'mutable', name, order: mutable }] : [];
  }
  return isKeySegment(name) ? [{ kind: 'directory', name, order: `${name}/` }] : [];
}

async function inspect(options: {
  host: Host;
  directory: string;
  base: string;
  entry: Entry;
}): Promise<StoredObject | undefined> {
  const { host, base, entry } = options;
  const place = path.join(options.directory, entry.name);
  const key = base + entry.order;
  if (entry.kind === 'mutable') {
    const current = await newest({ host, directory: place });
    if (current === null || current.body.length === 0) {
      await sweepDiscarded({ host, directory: place, before: host.clock.now() - STALE_MS });
      return undefined;
    }
    return { key, size: current.body.length, modified: current.modified };
  }
  try {
    const found = await host.fs.promises.stat(place);
    return found.isFile() ? { key, size: found.size, modified: found.mtimeMs } : undefined;
  } catch (error) {
    // Removed while listing.
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/** A writer that died left it; one that slept a day finds it gone, fails, and repeats its put. */
async function sweepTemporary(host: Host, file: string): Promise<void> {
  try {
    const { mtimeMs } = await host.fs.promises.stat(file);
    if (mtimeMs < host.clock.now() - STALE_MS) await host.fs.promises.unlink(file);
  } catch {
    // Tidying only: gone already, or not ours to remove.
    return;
  }
}
