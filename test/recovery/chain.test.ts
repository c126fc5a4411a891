import assert from 'node:assert/strict';
import type { TakenSnapshot } from '../../src/capture/take-snapshot.ts';
import { DOCUMENT } from '../../src/engines/postgres/snapshot-document.ts';
import type { Repository } from '../../src/repository/repository.ts';
import { readDocument } from '../../src/repository/snapshots/read-snapshot.ts';
import { testEachMajor } from '../support/majors.ts';
import { startPostgres, type TestPostgres } from '../support/postgres.ts';
import { soak } from '../support/soak.ts';
import { problemsOf } from './checks.ts';
import { column, digestOf, inDatabase } from './digest.ts';
import { RandomWork } from './random-work.ts';
import {
  incrementalOf,
  restoreTo,
  snapshotOf,
  sourceOf,
  startPlaced,
  summarizing,
  temporaryRepository,
} from './scenario.ts';
import { assertIsManifest, assertSameTree, capturedTree, readTree, type Tree } from './tree.ts';

const GENERATIONS = soak(8, 2);

interface Generation {
  readonly taken: TakenSnapshot;
  readonly digest: readonly string[];
  /** Of an incremental: what the server sends when asked for everything at the same moment. */
  readonly whole: Tree | undefined;
}

testEachMajor(
  'every snapshot of a chain restores as a full one',
  async (major) => {
    await using temporary = await temporaryRepository();
    await using beside = await temporaryRepository();
    const { repository } = temporary;
    await using postgres = await startPostgres({
      major,
      // Else hint bits change pages without WAL, and an incremental differs by right.
      initdb: major >= 17 ? ['--data-checksums'] : [],
      settings: summarizing(major),
    });
    const work = new RandomWork({ postgres, seed: major });
    await work.begin();
    const chain = [await takeGeneration({ repository, beside: beside.repository, postgres })];
    for (let generation = 1; generation <= GENERATIONS; generation++) {
      await work.generation();
      chain.push(await takeGeneration({ repository, beside: beside.repository, postgres }));
    }
    const methods = chain.map(({ taken }) => taken.document.method);
    assert.deepEqual(methods, ['full', ...Array(GENERATIONS).fill(incrementalOf(major))]);
    for (const generation of chain) await assertRestores(repository, generation);
    await assertSound(repository, chain.at(-1)!.taken);
  },
  { timeout: soak(900_000, 240_000) },
);

/** A snapshot of the idle server, its files compared before the server changes again. */
async function takeGeneration(options: {
  readonly repository: Repository;
  readonly beside: Repository;
  readonly postgres: TestPostgres;
}): Promise<Generation> {
  const { repository, beside, postgres } = options;
  const digest = await digestOf(postgres);
  const taken = await snapshotOf(repository, sourceOf(postgres));
  if (taken.document.method !== 'native-incremental') return { taken, digest, whole: undefined };
  const full = await snapshotOf(beside, sourceOf(postgres), { full: true });
  return { taken, digest, whole: await capturedTree(beside, full.snapshot) };
}

/** As its own server sent it, and as it was: also once later snapshots were built on it. */
async function assertRestores(repository: Repository, generation: Generation): Promise<void> {
  const { taken, digest, whole } = generation;
  const { snapshot, document } = taken;
  await using restored = await restoreTo({
    repository,
    target: { kind: 'snapshot', id: snapshot.id },
    start: false,
  });
  const { directory } = restored;
  const tree = withoutRecovery(await readTree(directory));
  const manifest = await readDocument({ repository, snapshot, name: DOCUMENT.manifest });
  const { composed } = assertIsManifest(tree, manifest);
  assert.equal(composed.length > 0, document.method === 'native-incremental');
  // But for the second checkpoint, and the label that names it.
  if (whole) assertSameTree(tree, whole, { files: ['global/pg_control', 'backup_label'] });

  await using server = await startPlaced({ directory, document });
  assert.deepEqual(await digestOf(server), digest);
  const unlogged = await inDatabase(server, 'postgres', (session) =>
    column(session, 'select count(*) from lost'),
  );
  assert.deepEqual(unlogged, ['0'], 'an unlogged table is there, and empty');
}

/** Every check of the proof ladder, put to the end of the chain. */
async function assertSound(repository: Repository, { snapshot }: TakenSnapshot): Promise<void> {
  const target = { kind: 'snapshot', id: snapshot.id } as const;
  await using restored = await restoreTo({ repository, target });
  assert.deepEqual(await problemsOf(restored), []);
}

const OF_RECOVERY = new Set(['recovery.signal', 'postgresql.auto.conf']);

/** Less what a restore that is not started leaves for its first start. */
function withoutRecovery(tree: Tree): Tree {
  const files = [...tree.files].filter(
    ([path]) => !path.startsWith('pg_wal/') && !OF_RECOVERY.has(path),
  );
  return { ...tree, files: new Map(files) };
}
