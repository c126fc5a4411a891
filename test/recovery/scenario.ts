import { join } from 'node:path';
import type { PostgresSource } from '../../src/capture/source.ts';
import {
  type TakenSnapshot,
  type TakeSnapshotOptions,
  takeSnapshot,
} from '../../src/capture/take-snapshot.ts';
import { findBinaries } from '../../src/engines/postgres/server/find-binaries.ts';
import type { Settings } from '../../src/engines/postgres/server/isolation.ts';
import type { Server } from '../../src/engines/postgres/server/server.ts';
import { chooseServerUser } from '../../src/engines/postgres/server/server-user.ts';
import { startServer } from '../../src/engines/postgres/server/start-server.ts';
import type {
  CaptureMethod,
  PostgresSnapshotDocument,
} from '../../src/engines/postgres/snapshot-document.ts';
import { type Host, machine } from '../../src/host/host.ts';
import { readLineageState } from '../../src/recovery/lineage-state.ts';
import { placeSnapshot } from '../../src/recovery/place/place-snapshot.ts';
import { type Restored, restore } from '../../src/recovery/restore.ts';
import { type Resolution, resolveTarget } from '../../src/recovery/target/resolve.ts';
import type { Target } from '../../src/recovery/target/target.ts';
import { type Lineage, listLineages } from '../../src/repository/lineages.ts';
import type { Repository } from '../../src/repository/repository.ts';
import type { Snapshot } from '../../src/repository/snapshots/snapshot.ts';
import { testHost } from '../doubles/host.ts';
import { temporaryRepository } from '../doubles/temporary-repository.ts';
import { removeTemporary, temporaryDirectory } from '../support/temporary.ts';

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

/** So that 17 and 18 take incrementals their own way. */
export function summarizing(major: number): Settings {
  return major >= 17 ? { summarize_wal: 'on' } : {};
}

/** How a second snapshot of an undisturbed server is taken. */
export function incrementalOf(major: number): CaptureMethod {
  return major >= 17 ? 'native-incremental' : 'hash-incremental';
}

/** The newest lineage, unless another is given. */
async function newestLineage(repository: Repository): Promise<Lineage> {
  const lineage = (await listLineages({ repository })).at(-1);
  if (!lineage) throw new Error('no lineage');
  return lineage;
}

/** Where a restore of the tests goes; all of it goes away with `await using`. */
export interface Place extends AsyncDisposable {
  readonly directory: string;
}

interface PlaceOptions {
  /** A new one when absent. */
  readonly directory?: string;
  /** Into folders beside the directory when absent. */
  readonly tablespaces?: ReadonlyMap<string, string>;
  readonly host?: Host;
}

/** Restores the newest lineage, by default starting a server, which goes with the place. */
export async function restoreTo(
  options: PlaceOptions & {
    readonly repository: Repository;
    readonly target: Target;
    readonly lineage?: Lineage;
    readonly timeline?: number;
    readonly start?: boolean;
  },
): Promise<Restored & Place & { readonly resolution: Resolution }> {
  const { repository, target, timeline, start = true, host = testHost() } = options;
  const lineage = options.lineage ?? (await newestLineage(repository));
  const state = await readLineageState({ repository, lineage });
  const resolution = await resolveTarget({
    source: lineage.source,
    state,
    target,
    ...(timeline !== undefined && { timeline }),
  });
  const { root, directory, tablespaces } = prepare(options, resolution.snapshot.document);
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
  return {
    ...restored,
    directory,
    resolution,
    [Symbol.asyncDispose]: async () => {
      await restored.server?.stop('immediate');
      removeTemporary(root);
    },
  };
}

/** Writes a snapshot's files and nothing else: no log, no settings, no server. */
export async function place(
  options: PlaceOptions & { readonly repository: Repository; readonly snapshot: Snapshot },
): Promise<Place> {
  const { repository, snapshot, host = testHost() } = options;
  const document = documentOf(snapshot);
  const { root, directory, tablespaces } = prepare(options, document);
  const placement = await placeSnapshot({
    host,
    repository,
    snapshot,
    document,
    source: 'main',
    directory,
    tablespaces,
    user: await chooseServerUser({ host, dataDir: directory }),
    workers: 1,
  });
  await placement.seal();
  return { directory, [Symbol.asyncDispose]: async () => removeTemporary(root) };
}

/**
 * Starts a server on what a restore without a start left, as its operator would: with its own
 * configuration, not isolated. Resolves when it has recovered.
 */
export async function startPlaced(options: {
  readonly directory: string;
  readonly document: PostgresSnapshotDocument;
  readonly settings?: Settings;
}): Promise<Server> {
  const major = Math.floor(options.document.serverVersionNum / 10_000);
  const server = await launchPlaced({ ...options, major });
  await server.recovered();
  return server;
}

/** The same, before it has recovered; rejects when none starts. */
export async function launchPlaced(options: {
  readonly directory: string;
  readonly major: number;
  readonly settings?: Settings;
}): Promise<Server> {
  const { directory, major, settings = {} } = options;
  const user = await chooseServerUser({ host: machine, dataDir: directory });
  return await startServer({
    host: machine,
    dataDir: directory,
    binaries: await findBinaries({ host: machine, major, user }),
    user,
    isolated: false,
    settings: { fsync: 'off', autovacuum: 'off', ...settings },
  });
}

function prepare(options: PlaceOptions, document: PostgresSnapshotDocument) {
  const root = temporaryDirectory();
  const { directory = join(root, 'restored') } = options;
  const beside = () =>
    new Map(
      document.tablespaces.map(({ oid, location }) => [location, join(root, `tablespace-${oid}`)]),
    );
  return { root, directory, tablespaces: options.tablespaces ?? beside() };
}

export function documentOf(snapshot: Snapshot): PostgresSnapshotDocument {
  return snapshot.engine as unknown as PostgresSnapshotDocument;
}

export { temporaryRepository };
