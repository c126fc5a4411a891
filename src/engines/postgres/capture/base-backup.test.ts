import assert from 'node:assert/strict';
import { closeSync, openSync, readFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { testEachMajor } from '../../../../test/support/majors.ts';
import { startPostgres } from '../../../../test/support/postgres.ts';
import { captureBaseBackup } from './base-backup.ts';
import { assertSamePages } from './testing/compare.ts';
import { MemorySnapshot } from './testing/memory-snapshot.ts';
import { each, pathOf, replication, take } from './testing/take.ts';

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

testEachMajor('tablespaces lie below pg_tblspc by their oid', async (major) => {
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
});

// Research §4.3 #2: a vanished file shifted the queue and the next one was saved unhashed.
testEachMajor('tables dropped, truncated and created meanwhile leave it sound', async (major) => {
  await using server = await startPostgres({ major });
  for (let n = 0; n < 40; n++) {
    await server.sql(`create table t${n} as select generate_series(1, 2000) as id`);
  }
  let stop = false;
  const churn = (async () => {
    for (let n = 0; !stop; n = (n + 1) % 40) {
      await server.sql(`drop table t${n}; truncate t${(n + 20) % 40}`);
      await server.sql(`create table t${n} as select generate_series(1, 2000) as id`);
    }
  })();
  let calls = 0;
  const { backup } = await take(server, {
    pressure: () => (calls++ % 4 === 0 ? sleep(1) : undefined),
  });
  stop = true;
  await churn;
  assert.ok(backup.stopLsn > backup.startLsn, 'something happened meanwhile');
});

testEachMajor('damaged pages are captured, counted and said', async (major) => {
  await using server = await startPostgres({ major, initdb: ['--data-checksums'] });
  await server.sql('create table t as select generate_series(1, 5000) as id');
  const file = await pathOf(server, 't');
  await server.stop();
  const descriptor = openSync(join(server.dataDir, file), 'r+');
  for (const page of [1, 3]) writeSync(descriptor, 'damage', page * 8192 + 4000);
  closeSync(descriptor);
  await server.start();
  const { sink, backup } = await take(server);
  assert.equal(backup.checksumFailures, 2);
  assert.ok(backup.warnings.some((warning) => warning.includes(file)));
  await server.stop();
  assert.deepEqual(sink.bytes(file), readFileSync(join(server.dataDir, file)));
});

testEachMajor('an abort ends it at once, and the server is free again', async (major) => {
  await using server = await startPostgres({ major });
  await using connection = await replication(server);
  const controller = new AbortController();
  const reason = new Error('enough');
  let calls = 0;
  const sink = new MemorySnapshot({
    pressure: () => {
      calls++;
      controller.abort(reason);
      return undefined;
    },
  });
  const { signal } = controller;
  const capture = captureBaseBackup({ connection, sink, label: 'x', checkpoint: 'fast', signal });
  await assert.rejects(capture, reason);
  assert.equal(calls, 1, 'nothing is delivered after the abort');
  for (let waited = 0; waited < 200; waited++) {
    if ((await server.value('select count(*) from pg_stat_replication')) === '0') return;
    await sleep(20);
  }
  assert.fail('the walsender is still there');
});

testEachMajor('what the sink throws ends the capture with that very error', async (major) => {
  await using server = await startPostgres({ major });
  await using connection = await replication(server);
  const full = new Error('no space');
  const throwing = new MemorySnapshot({
    pressure: () => {
      throw full;
    },
  });
  const options = { connection, label: 'x', checkpoint: 'fast' } as const;
  await assert.rejects(captureBaseBackup({ ...options, sink: throwing }), full);
  await using second = await replication(server);
  const rejecting = new MemorySnapshot({ pressure: () => Promise.reject(full) });
  await assert.rejects(
    captureBaseBackup({ ...options, connection: second, sink: rejecting }),
    full,
  );
});
