import { join } from 'node:path';
import type { PostgresSource } from '../../src/capture/source.ts';
import {
  type TakenSnapshot,
  type TakeSnapshotOptions,
  takeSnapshot,
} from '../../src/capture/take-snapshot.ts';
import { chooseServerUser } from '../../src/engines/postgres/server/server-user.ts';
import type { PostgresSnapshotDocument } from '../../src/engines/postgres/snapshot-document.ts';
import type { Host } from '../../src/host/host.ts';
import { readLineageState } from '../../src/recovery/lineage-state.ts';
import { placeSnapshot } from '../../src/recovery/place/place-snapshot.ts';
import { type Restored, restore } from '../../src/recovery/restore.ts';
import { resolveTarget } from '../../src/recovery/target/resolve.ts';
import type { Target } from '../../src/recovery/target/target.ts';
import { type Lineage, listLineages } from '../../src/repository/lineages.ts';
import type { Repository } from '../../src/repository/repository.ts';
import type { Snapshot } from '../../src/repository/snapshots/snapshot.ts';
import { testHost } from '../doubles/host.ts';
import { temporaryRepository } from '../doubles/temporary-repository.ts';
import { temporaryDirectory } from '../support/temporary.ts';

/** A server that answers over its socket: a test server, or a restored one. */
interface Reachable {
  readonly socketDir: string;
  readonly port: number;
}

/** A running server as a source, by default of the name `main`. */
export function sourceOf(server: Reachable, name = 'main', database = 'postgres'): PostgresSource {
  return {
    name,
    reach: async () => ({
      host: server.socketDir,
      port: server.port,
      user: 'postgres',
      database,
      tls: { mode: 'disable' },
    }),
  };
}

export async function snapshotOf(
  repository: Repository,
  source: PostgresSource,
  options: Partial<TakeSnapshotOptions> = {},
): Promise<TakenSnapshot> {
  return await takeSnapshot({
    repository,
    source,
    checkpoint: 'fast',
    holder: 'test',
    leaseTtlMs: 3_000,
    workers: 1,
    ...options,
  });
}

/** The newest lineage, unless another is given. */
async function newestLineage(repository: Repository): Promise<Lineage> {
  const lineage = (await listLineages({ repository })).at(-1);
  if (!lineage) throw new Error('no lineage');
  return lineage;
}

/** Restores into a new directory, by default the newest lineage and a server that was started. */
export async function restoreTo(options: {
  readonly repository: Repository;
  readonly target: Target;
  readonly lineage?: Lineage;
  readonly timeline?: number;
  readonly start?: boolean;
  readonly directory?: string;
  readonly tablespaces?: ReadonlyMap<string, string>;
  readonly host?: Host;
}): Promise<Restored & { readonly directory: string }> {
  const { repository, target, timeline, start = true, tablespaces = new Map() } = options;
  const { host = testHost() } = options;
  const lineage = options.lineage ?? (await newestLineage(repository));
  const state = await readLineageState({ repository, lineage });
  const resolution = await resolveTarget({
    source: lineage.source,
    state,
    target,
    ...(timeline !== undefined && { timeline }),
  });
  const directory = options.directory ?? join(temporaryDirectory(), 'restored');
  const restored = await restore({
    host,
    repository,
    source: lineage.source,
    state,
    resolution,
    snapshot: state.snapshotById(resolution.snapshot.id),
    directory,
    tablespaces,
    start,
    workers: 1,
  });
  return { ...restored, directory };
}

/** Writes a snapshot's files and nothing else: no log, no settings, no server. */
export async function place(options: {
  readonly repository: Repository;
  readonly snapshot: Snapshot;
  readonly directory?: string;
  readonly tablespaces?: ReadonlyMap<string, string>;
  readonly host?: Host;
}): Promise<string> {
  const { repository, snapshot, tablespaces = new Map(), host = testHost() } = options;
  const { directory = join(temporaryDirectory(), 'placed') } = options;
  const placement = await placeSnapshot({
    host,
    repository,
    snapshot,
    document: documentOf(snapshot),
    source: 'main',
    directory,
    tablespaces,
    user: await chooseServerUser({ host, dataDir: directory }),
    workers: 1,
  });
  await placement.seal();
  return directory;
}

export function documentOf(snapshot: Snapshot): PostgresSnapshotDocument {
  return snapshot.engine as unknown as PostgresSnapshotDocument;
}

export { temporaryRepository };
