import { join } from 'node:path';
import type { PostgresSource } from '../../src/capture/source.ts';
import { takeSnapshot } from '../../src/capture/take-snapshot.ts';
import type { Server } from '../../src/engines/postgres/server/server.ts';
import type { PostgresSnapshotDocument } from '../../src/engines/postgres/snapshot-document.ts';
import { readLogState } from '../../src/recovery/log/log-state.ts';
import { type Restored, restore } from '../../src/recovery/restore.ts';
import { resolveTarget } from '../../src/recovery/target/resolve.ts';
import type { Target } from '../../src/recovery/target/target.ts';
import { listLineages } from '../../src/repository/lineages.ts';
import type { Repository } from '../../src/repository/repository.ts';
import { listSnapshots } from '../../src/repository/snapshots/list-snapshots.ts';
import { testHost } from '../doubles/host.ts';
import { temporaryRepository } from '../doubles/temporary-repository.ts';
import type { TestPostgres } from '../support/postgres.ts';
import { temporaryDirectory } from '../support/temporary.ts';

/** A running test server as the source `main`, over its socket. */
export function sourceOf(postgres: TestPostgres, name = 'main'): PostgresSource {
  return {
    name,
    reach: async () => ({
      host: postgres.socketDir,
      port: postgres.port,
      user: 'postgres',
      database: 'postgres',
      tls: { mode: 'disable' },
    }),
  };
}

/** A restored server as a source of sessions. */
export function sourceOfServer(server: Server): PostgresSource {
  return {
    name: 'restored',
    reach: async () => ({
      host: server.socketDir,
      port: server.port,
      user: 'postgres',
      database: 'postgres',
      tls: { mode: 'disable' },
    }),
  };
}

export async function snapshotOf(repository: Repository, source: PostgresSource) {
  return await takeSnapshot({
    repository,
    source,
    checkpoint: 'fast',
    holder: 'test',
    leaseTtlMs: 3_000,
    workers: 1,
  });
}

/** Restores the newest lineage of `main` into a new directory. */
export async function restoreTo(options: {
  readonly repository: Repository;
  readonly target: Target;
  readonly timeline?: number;
  readonly start?: boolean;
  readonly directory?: string;
  readonly tablespaces?: ReadonlyMap<string, string>;
}): Promise<Restored & { readonly directory: string }> {
  const { repository, target, timeline, start = true, tablespaces = new Map() } = options;
  const host = testHost();
  const lineage = (await listLineages({ repository })).at(-1);
  if (!lineage) throw new Error('no lineage');
  const { snapshots } = await listSnapshots({ repository, lineage: lineage.id });
  const state = await readLogState({
    repository,
    lineage,
    snapshots: snapshots.map(({ id, engine }) => ({
      id,
      engine: engine as unknown as PostgresSnapshotDocument,
    })),
    follower: null,
  });
  const resolution = await resolveTarget({
    source: 'main',
    state,
    target,
    ...(timeline !== undefined && { timeline }),
  });
  const snapshot = snapshots.find(({ id }) => id === resolution.snapshot.id);
  if (!snapshot) throw new Error('the resolved snapshot is not listed');
  const directory = options.directory ?? join(temporaryDirectory(), 'restored');
  const restored = await restore({
    host,
    repository,
    source: 'main',
    state,
    resolution,
    snapshot,
    directory,
    tablespaces,
    start,
    workers: 1,
  });
  return { ...restored, directory };
}

export { temporaryRepository };
