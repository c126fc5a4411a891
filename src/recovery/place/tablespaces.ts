import { isAbsolute, join, resolve } from 'node:path';
import { HoldfastError } from '../../errors/holdfast-error.ts';
import type { Host } from '../../host/host.ts';
import { atDestination } from './destination-error.ts';

export interface TablespaceLocation {
  readonly oid: number;
  readonly location: string;
}

/**
 * Where each tablespace goes. TABLESPACE_UNKNOWN for a mapping of one that the snapshot does not
 * have: a slip there would otherwise write to the original place. TABLESPACE_COLLISION when two
 * would share a place, with each other or with the data directory.
 */
export function planTablespaces(options: {
  readonly tablespaces: readonly TablespaceLocation[];
  /** Original location → another. */
  readonly mapping: ReadonlyMap<string, string>;
  readonly directory: string;
}): TablespaceLocation[] {
  const { mapping, directory } = options;
  // One made in place (a developer's setting) lies in the data directory as a plain folder.
  const elsewhere = options.tablespaces.filter(({ location }) => isAbsolute(location));
  const known = elsewhere.map(({ location }) => location);
  for (const location of mapping.keys()) {
    if (known.includes(location)) continue;
    const locations = known.join(', ') || 'none outside the data directory';
    throw new HoldfastError('TABLESPACE_UNKNOWN', { location, known: locations });
  }
  const taken = new Map([[resolve(directory), 'the data directory']]);
  return elsewhere.map(({ oid, location }) => {
    const target = resolve(mapping.get(location) ?? location);
    const other = taken.get(target);
    if (other) {
      throw new HoldfastError('TABLESPACE_COLLISION', { oid, original: location, target, other });
    }
    taken.set(target, `tablespace ${oid}`);
    return { oid, location: target };
  });
}

/** Made here rather than by PostgreSQL from a tablespace_map, so that the mapping is ours. */
export async function linkTablespaces(options: {
  readonly host: Host;
  readonly directory: string;
  readonly locations: readonly TablespaceLocation[];
}): Promise<void> {
  const { host, directory, locations } = options;
  const links = join(directory, 'pg_tblspc');
  await atDestination(directory, async () => {
    await host.fs.promises.mkdir(links, { recursive: true, mode: 0o700 });
    for (const { oid, location } of locations) {
      await host.fs.promises.symlink(location, join(links, String(oid)));
    }
  });
}
