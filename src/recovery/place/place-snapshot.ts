import { join } from 'node:path';
import type { OnProgress } from '../../content/progress.ts';
import { giveTo, type ServerUser } from '../../engines/postgres/server/server-user.ts';
import {
  DOCUMENT,
  type PostgresSnapshotDocument,
} from '../../engines/postgres/snapshot-document.ts';
import type { Host } from '../../host/host.ts';
import type { Repository } from '../../repository/repository.ts';
import { readDocument } from '../../repository/snapshots/read-snapshot.ts';
import { restoreSnapshot } from '../../repository/snapshots/restore-snapshot.ts';
import type { Snapshot } from '../../repository/snapshots/snapshot.ts';
import { prepareDestination, prepareTablespace, settleTree } from './destination.ts';
import { DirectoryWriter } from './directory-writer.ts';

/** Written last: until it is there, no server takes the directory for a cluster. */
const CONTROL_FILE = 'global/pg_control';

/**
 * Writes a snapshot's files into an empty directory, with its backup label, durably.
 * Nothing of an older restore is touched; a failure leaves a directory no server will start on.
 */
export async function placeSnapshot(options: {
  readonly host: Host;
  readonly repository: Repository;
  readonly snapshot: Snapshot;
  readonly document: PostgresSnapshotDocument;
  readonly source: string;
  readonly directory: string;
  /** Original tablespace location → where to put it. */
  readonly tablespaces: ReadonlyMap<string, string>;
  /** Who the files are given to; undefined: they stay this process's. */
  readonly user: ServerUser | undefined;
  readonly workers?: number;
  readonly onProgress?: OnProgress;
}): Promise<{ readonly bytes: number }> {
  const { host, repository, snapshot, document, directory, source, user } = options;
  await prepareDestination({ host, directory, source });
  const locations = document.tablespaces.map(({ oid, location }) => ({
    oid,
    location: options.tablespaces.get(location) ?? location,
  }));
  for (const tablespace of locations) await prepareTablespace({ host, ...tablespace });
  await linkTablespaces({ host, directory, locations });

  const writer = new DirectoryWriter({ host, root: directory });
  const restore = (filter: (path: string) => boolean) =>
    restoreSnapshot({
      repository,
      snapshot,
      target: writer,
      filter: (entry) => filter(entry.path),
      ...(options.onProgress && { onProgress: options.onProgress }),
      ...(options.workers !== undefined && { workers: options.workers }),
    });
  try {
    await restore((path) => path !== CONTROL_FILE);
    const label = await readDocument({ repository, snapshot, name: DOCUMENT.backupLabel });
    const entry = { path: 'backup_label', size: label.length, mode: 0o600 };
    await writer.file(entry);
    await writer.write(entry, 0, label);
    await writer.close(entry);
    for (const root of [directory, ...locations.map(({ location }) => location)]) {
      await settleTree({ host, root, owner: user });
    }
    await restore((path) => path === CONTROL_FILE);
    await giveTo({ host, path: join(directory, CONTROL_FILE), user });
  } catch (error) {
    await writer.abandon();
    throw error;
  }
  return { bytes: writer.bytesWritten };
}

/** Made here rather than by PostgreSQL from a tablespace_map, so that the mapping is ours. */
async function linkTablespaces(options: {
  readonly host: Host;
  readonly directory: string;
  readonly locations: readonly { readonly oid: number; readonly location: string }[];
}): Promise<void> {
  const { host, directory, locations } = options;
  const links = join(directory, 'pg_tblspc');
  await host.fs.promises.mkdir(links, { recursive: true, mode: 0o700 });
  for (const { oid, location } of locations) {
    await host.fs.promises.symlink(location, join(links, String(oid)));
  }
}
