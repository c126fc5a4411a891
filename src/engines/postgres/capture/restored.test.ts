import assert from 'node:assert/strict';
import { testEachMajor } from '../../../../test/support/majors.ts';
import { startPostgres } from '../../../../test/support/postgres.ts';
import { startRestored } from './testing/restored.ts';
import { each, take } from './testing/take.ts';

const since17 = { from: 17 };

testEachMajor('a server starts from a full capture', async (major) => {
  await using server = await startPostgres({ major });
  await each(
    server,
    'create table t as select g as id from generate_series(1, 10000) g',
    'create unlogged table u as select * from t',
    `select lo_from_bytea(4711, 'a large object'::bytea)`,
  );
  const full = await take(server);
  await server.sql('insert into t values (0)');
  await using restored = await startRestored(server, full);
  assert.equal(await restored.value('select count(*) from t'), '10001');
  assert.equal(await restored.value('select count(*) from u'), '0', 'unlogged: empty, but there');
  assert.equal(await restored.value(`select convert_from(lo_get(4711), 'UTF8')`), 'a large object');
});

// Trap 1: with the parent's visibility map under the current heap an index-only scan finds rows
// that a sequential scan does not, and amcheck is content.
testEachMajor(
  'update after vacuum, incremental, restore, index-only scan',
  async (major) => {
    await using server = await startPostgres({ major, settings: { summarize_wal: 'on' } });
    await each(
      server,
      `create table t as select g as id, repeat('x', 100) as filler from generate_series(1, 20000) g`,
      'create index on t (id)',
      'vacuum t',
    );
    const full = await take(server);
    await server.sql('delete from t where id % 333 = 0');
    await server.sql('checkpoint');
    const next = await take(server, { parent: full });
    await using restored = await startRestored(server, next);
    await restored.sql('create extension pg_visibility');
    const count = 'select count(*) from t where id between 1 and 20000';
    const indexOnly = `set enable_seqscan = off; set enable_bitmapscan = off; ${count}`;
    assert.match(
      (await restored.sql(`set enable_seqscan = off; explain ${count}`)).join('\n'),
      /Index Only Scan/,
    );
    assert.equal(await restored.value(indexOnly), String(20_000 - 60));
    assert.equal(await restored.value(`set enable_seqscan = on; ${count}`), String(20_000 - 60));
    assert.equal(await restored.value(`select count(*) from pg_check_visible('t')`), '0');
  },
  since17,
);

testEachMajor(
  'rows deleted, vacuumed away and overgrown by a bulk load do not come back',
  async (major) => {
    await using server = await startPostgres({ major, settings: { summarize_wal: 'on' } });
    await each(
      server,
      `create table t as select g as id, repeat('x', 1000) as filler from generate_series(1, 7000) g`,
      'vacuum t',
    );
    const full = await take(server);
    await each(server, 'delete from t where id > 6000', 'vacuum t');
    await using copy = await server.connect();
    const row = Buffer.from(`1\t${'z'.repeat(1000)}\n`);
    await copy.copyIn('copy t from stdin', Array<Buffer>(500).fill(row));
    const next = await take(server, { parent: full });
    await using restored = await startRestored(server, next);
    assert.equal(await restored.value('select count(*) from t'), '6500');
    assert.equal(await restored.value('select max(id) from t'), '6000');
  },
  since17,
);
