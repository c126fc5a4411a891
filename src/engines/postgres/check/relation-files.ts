import { join } from 'node:path';
import type { Host } from '../../../host/host.ts';

/** A segment file of one fork of a relation. */
export interface RelationFile {
  /** Relative to the data directory; through pg_tblspc for tablespaces. */
  readonly path: string;
  /** 0 for the first gibibyte, 1 for `.1`, … */
  readonly segment: number;
}

/** `16384`, `16384_vm`, `16384.1`; neither temporary (`t3_16384`) nor pg_filenode.map and its like. */
const RELATION_FILE = /^\d+(?:_(?:fsm|vm|init))?(?:\.(\d+))?$/;

export async function* relationFiles(options: {
  readonly host: Host;
  readonly dataDir: string;
}): AsyncGenerator<RelationFile> {
  for (const directory of await databaseDirectories(options)) {
    for (const name of await listed(options, directory)) {
      const match = RELATION_FILE.exec(name);
      if (match) yield { path: join(directory, name), segment: Number(match[1] ?? 0) };
    }
  }
}

interface Place {
  readonly host: Host;
  readonly dataDir: string;
}

async function databaseDirectories(place: Place): Promise<string[]> {
  const found = ['global'];
  for (const database of await listed(place, 'base')) found.push(join('base', database));
  for (const tablespace of await listed(place, 'pg_tblspc')) {
    const root = join('pg_tblspc', tablespace);
    for (const version of await listed(place, root)) {
      if (!version.startsWith('PG_')) continue;
      for (const database of await listed(place, join(root, version))) {
        found.push(join(root, version, database));
      }
    }
  }
  return found;
}

async function listed(place: Place, directory: string): Promise<string[]> {
  try {
    return (await place.host.fs.promises.readdir(join(place.dataDir, directory))).sort();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    // A database or temporary directory may go while a server runs; a stray file is no directory.
    if (code === 'ENOENT' || code === 'ENOTDIR') return [];
    throw error;
  }
}
