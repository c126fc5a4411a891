import { dirname } from 'node:path';
import { refuseRunning } from '../../engines/postgres/server/start-server.ts';
import { HoldfastError } from '../../errors/holdfast-error.ts';
import type { Host } from '../../host/host.ts';
import { atDestination } from './destination-error.ts';
import { MOUNT_POINT_LEFTOVERS } from './settle.ts';

/**
 * Makes sure that a restore writes over nothing: the directory is new or empty, and no server
 * runs in it. An existing one is used as it stands, never replaced: it may be a mount point whose
 * parent is not ours to write. Nothing is made here.
 */
export async function refuseUsedDestination(options: {
  readonly host: Host;
  readonly directory: string;
  readonly source: string;
}): Promise<void> {
  const { host, directory, source } = options;
  if (await isEmptyOrAbsent(options)) return;
  await refuseRunning({ host, dataDir: directory });
  throw new HoldfastError('DESTINATION_NOT_EMPTY', { directory, source });
}

/** As above for a tablespace, whose location another cluster may still be using. */
export async function refuseUsedTablespace(options: {
  readonly host: Host;
  readonly oid: number;
  readonly location: string;
}): Promise<void> {
  const { host, oid, location } = options;
  if (await isEmptyOrAbsent({ host, directory: location })) return;
  throw new HoldfastError('TABLESPACE_NOT_EMPTY', { oid, location });
}

async function isEmptyOrAbsent(options: {
  readonly host: Host;
  readonly directory: string;
}): Promise<boolean> {
  const { host, directory } = options;
  return await atDestination(directory, async () => {
    try {
      const names = await host.fs.promises.readdir(directory);
      return names.every((name) => MOUNT_POINT_LEFTOVERS.has(name));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return true;
      throw error;
    }
  });
}

/**
 * Makes a directory that holds a cluster or a tablespace, or takes the one that is there: only
 * its owner may use it, else PostgreSQL refuses to start. Missing parents are made as usual, so
 * that the server's own user can pass through them.
 */
export async function makeRoot(options: {
  readonly host: Host;
  readonly directory: string;
}): Promise<void> {
  const { directory } = options;
  const { promises: fs } = options.host.fs;
  await atDestination(directory, async () => {
    await fs.mkdir(dirname(directory), { recursive: true });
    await fs.mkdir(directory, { mode: 0o700 }).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error;
    });
    // Fails unless it is ours: found out now, not by the server after an hour of copying.
    await fs.chmod(directory, 0o700);
  });
}
