import { join } from 'node:path';
import type { OnProgress } from '../../content/progress.ts';
import { giveTo, type ServerUser } from '../../engines/postgres/server/server-user.ts';
import {
  DOCUMENT,
  type PostgresSnapshotDocument,
} from '../../engines/postgres/snapshot-document.ts';
import { keepHeapSmall } from '../../host/collect-garbage.ts';
import type { Host } from '../../host/host.ts';
import type { Repository } from '../../repository/repository.ts';
import { readDocument } from '../../repository/snapshots/read-snapshot.ts';
import { restoreSnapshot } from '../../repository/snapshots/restore-snapshot.ts';
import type { Snapshot } from '../../repository/snapshots/snapshot.ts';
import { makeRoot, refuseUsedDestination, refuseUsedTablespace } from './destination.ts';
import { atDestination } from './destination-error.ts';
import { DirectoryWriter } from './directory-writer.ts';
import { settleTree, syncDirectory } from './settle.ts';
import { linkTablespaces, planTablespaces } from './tablespaces.ts';

/** Written last: until it is there, no server takes the directory for a cluster. */
const CONTROL_FILE = 'global/pg_control';
/** A directory of every cluster; initdb gave the data directory itself the same mode. */
const ANY_DIRECTORY = 'global';

/** A cluster that is all there but for its control file. */
export interface Placement {
  /** Written so far. */
  readonly bytes: number;
  /** Makes everything below the directory durable and the server's own; then it is a cluster. */
  seal(): Promise<void>;
}

/**
 * Writes a snapshot's files into an empty directory, with its backup label. What recovery needs
 * beside them goes there next, then it is sealed. A failure before that, of whatever kind, leaves
 * a directory no server will start on. Nothing of an older restore is touched.
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
}): Promise<Placement> {
  const { host, repository, snapshot, document, directory, source, user } = options;
  const locations = planTablespaces({
    tablespaces: document.tablespaces,
    mapping: options.tablespaces,
    directory,
  });
  await refuseUsedDestination({ host, directory, source });
  for (const tablespace of locations) await refuseUsedTablespace({ host, ...tablespace });
  const roots = [directory, ...locations.map(({ location }) => location)];
  for (const root of roots) await makeRoot({ host, directory: root });
  await linkTablespaces({ host, directory, locations });

  keepHeapSmall();
  const writer = new DirectoryWriter({ host, root: directory });
  const write = async (act: () => Promise<void>) => {
    try {
      await act();
      await writer.flush();
    } catch (error) {
      await writer.abandon();
      throw error;
    }
  };
  const restore = (filter: (path: string) => boolean) =>
    restoreSnapshot({
      repository,
      snapshot,
      target: writer,
      filter: (entry) => filter(entry.path),
      ...(options.onProgress && { onProgress: options.onProgress }),
      ...(options.workers !== undefined && { workers: options.workers }),
    });
  await write(async () => {
    await restore((path) => path !== CONTROL_FILE);
    const label = await readDocument({ repository, snapshot, name: DOCUMENT.backupLabel });
    await writer.whole({ path: 'backup_label', bytes: label, mode: 0o600 });
  });
  return {
    get bytes() {
      return writer.bytesWritten;
    },
    seal: async () => {
      const mode = writer.modeOf(ANY_DIRECTORY) ?? 0o700;
      for (const root of roots) {
        await atDestination(root, () => settleTree({ host, root, mode, owner: user }));
      }
      await write(() => restore((path) => path === CONTROL_FILE));
      await atDestination(directory, async () => {
        await giveTo({ host, path: join(directory, CONTROL_FILE), user });
        await syncDirectory({ host, path: join(directory, 'global') });
      });
    },
  };
}
