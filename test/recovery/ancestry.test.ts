import assert from 'node:assert/strict';
import { listLineages } from '../../src/repository/lineages.ts';
import { testEachMajor } from '../support/majors.ts';
import { startPostgres } from '../support/postgres.ts';
import { digestOf, inDatabase } from './digest.ts';
import {
  incrementalOf,
  restoreTo,
  snapshotOf,
  sourceOf,
  startPlaced,
  summarizing,
  temporaryRepository,
} from './scenario.ts';

// Research §4.3 #2 and trap 2: the parent went on where the restored server did not.
testEachMajor(
  'a server restored to an earlier point begins anew, and both histories restore',
  async (major) => {
    await using temporary = await temporaryRepository();
    const { repository } = temporary;
    const settings = summarizing(major);
    await using postgres = await startPostgres({ major, settings });
    await postgres.sql('create table t as select g as id, 0 as k from generate_series(1, 20000) g');
    const early = await snapshotOf(repository, sourceOf(postgres));
    // Pages that exist on the old timeline only, with LSNs the new one will pass.
    await postgres.sql('update t set k = 1');
    const late = await snapshotOf(repository, sourceOf(postgres));
    const lateDigest = await digestOf(postgres);

    const back = { kind: 'snapshot', id: early.snapshot.id } as const;
    await using placed = await restoreTo({ repository, target: back, start: false });
    await using server = await startPlaced({ ...placed, document: early.document, settings });
    await inDatabase(server, 'postgres', (session) =>
      session.query('update t set k = 2 where id % 500 = 0'),
    );
    const first = await snapshotOf(repository, sourceOf(server));
    assert.equal(first.document.method, 'full');
    assert.match(first.document.reason, /left timeline 1 at .*, before the parent ended/);
    assert.equal(first.newLineage, false);
    const firstDigest = await digestOf(server);
    await inDatabase(server, 'postgres', (session) => session.query('delete from t where id < 9'));
    const second = await snapshotOf(repository, sourceOf(server));
    assert.equal(second.document.method, incrementalOf(major));
    const secondDigest = await digestOf(server);

    // The old server lives on, as it does when a restore was a mistake.
    const old = await snapshotOf(repository, sourceOf(postgres));
    assert.equal(old.document.method, 'full');
    assert.equal(old.document.stopTimeline, 1);
    for (const [taken, digest] of [
      [late, lateDigest],
      [first, firstDigest],
      [second, secondDigest],
      [old, lateDigest],
    ] as const) {
      await using restored = await restoreTo({
        repository,
        target: { kind: 'snapshot', id: taken.snapshot.id },
      });
      assert.deepEqual(await digestOf(restored.server!), digest);
      const taken_on = taken.document.stopTimeline;
      assert.ok(restored.reached!.timeline > Math.max(taken_on, 2), 'a timeline nobody had before');
    }
  },
  { quick: [14, 18] },
);

// Research §4.3 #14 and #28.
testEachMajor(
  'another cluster under the same name is a lineage of its own',
  async (major) => {
    await using temporary = await temporaryRepository();
    const { repository } = temporary;
    await using old = await startPostgres({ major: Math.max(14, major - 1) });
    await old.sql('create table t as select 1 as cluster');
    const first = await snapshotOf(repository, sourceOf(old));
    const oldDigest = await digestOf(old);
    await using young = await startPostgres({ major });
    await young.sql('create table t as select 2 as cluster');
    const notices: string[] = [];
    const onNotice = (sentence: string) => void notices.push(sentence);
    const second = await snapshotOf(repository, sourceOf(young), { onNotice });
    assert.deepEqual([second.newLineage, second.document.method], [true, 'full']);
    assert.match(notices.join('\n'), /main is now another cluster .*stays restorable/);
    assert.notEqual(second.lineage.id, first.lineage.id);
    assert.equal((await listLineages({ repository })).length, 2);
    const again = await snapshotOf(repository, sourceOf(young), { onNotice });
    assert.deepEqual([again.newLineage, notices.length], [false, 1], 'said once');

    for (const [taken, digest] of [
      [first, oldDigest],
      [again, await digestOf(young)],
    ] as const) {
      await using restored = await restoreTo({
        repository,
        lineage: taken.lineage,
        target: { kind: 'latest' },
      });
      assert.deepEqual(await digestOf(restored.server!), digest);
    }
  },
  { quick: [15, 18] },
);
