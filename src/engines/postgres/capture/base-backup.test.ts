import assert from 'node:assert/strict';
import { testEachMajor } from '../../../../test/support/majors.ts';
import { startPostgres } from '../../../../test/support/postgres.ts';
import { assertSamePages } from './testing/compare.ts';
import { each, take } from './testing/take.ts';

testEachMajor('a full capture holds every page of the source', async (major) => {
  await using server = await startPostgres({ major });
  await each(
    server,
    `create table t as select g as id, repeat('x', 100) as filler from generate_series(1, 20000) g`,
    'create index on t (id)',
    'create unlogged table u as select * from t',
    `select lo_from_bytea(0, 'a large object'::bytea)`,
    'create database other',
  );
  const { sink, backup } = await take(server, { label: "it's" });
  assert.ok(backup.stopLsn >= backup.startLsn);
  assert.equal(backup.startTimeline, 1);
  assert.equal(backup.checksumFailures, 0);
  assert.equal(backup.capturedFrom, 'primary');
  assert.equal(backup.tablespaceMap, undefined);
  assert.match(backup.backupLabel.toString(), /^LABEL: it's$/m);
  assert.equal([...sink.files.keys()].at(-1), 'global/pg_control');
  assert.ok(!sink.files.has('backup_label'), 'the label is a document');
  assert.ok(sink.directories.has('pg_wal'), 'empty directories are kept');
  await server.stop();
  assertSamePages(sink, server.dataDir);
});

testEachMajor(
  'tablespaces lie below pg_tblspc by their oid',
  async (major) => {
    await using server = await startPostgres({ major });
    const location = await server.addTablespace('s');
    await server.sql('create table t (id int) tablespace s');
    await server.sql('insert into t select generate_series(1, 10000)');
    const { sink, backup } = await take(server);
    const oid = await server.value(`select oid from pg_tablespace where spcname = 's'`);
    assert.deepEqual(backup.tablespaces, [{ oid: Number(oid), location }]);
    assert.equal(backup.tablespaceMap?.toString(), `${oid} ${location}\n`);
    assert.ok([...sink.files.keys()].some((file) => file.startsWith(`pg_tblspc/${oid}/PG_`)));
    await server.stop();
    assertSamePages(sink, server.dataDir);
  },
  { quick: [14, 15, 18] },
);

testEachMajor(
  'a spread checkpoint',
  async (major) => {
    const settings = { checkpoint_completion_target: '0' };
    await using server = await startPostgres({ major, settings });
    const { backup } = await take(server, { checkpoint: 'spread' });
    assert.ok(backup.startLsn > 0n);
  },
  { quick: [14, 15, 18] },
);
