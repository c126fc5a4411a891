import assert from 'node:assert/strict';
import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { testEachMajor } from '../../../../test/support/majors.ts';
import { startPostgres, type TestPostgres } from '../../../../test/support/postgres.ts';
import { assertSamePages } from './testing/compare.ts';
import { each, pathOf, take } from './testing/take.ts';

/** With checksums, since hint bits change pages without WAL otherwise: they would differ by right. */
const start = (major: number): Promise<TestPostgres> =>
  startPostgres({ major, settings: { summarize_wal: 'on' }, initdb: ['--data-checksums'] });
const since17 = { from: 17 };

testEachMajor(
  'a chain of incrementals composes to every page of the source',
  async (major) => {
    await using server = await start(major);
    await each(
      server,
      `create table t as select g as id, repeat('x', 200) as filler from generate_series(1, 50000) g`,
      'create index on t (id)',
      'vacuum t',
    );
    const full = await take(server);
    await server.sql(`update t set filler = 'y' where id % 5000 = 0`);
    const first = await take(server, { parent: full });
    const t = first.sink.files.get(await pathOf(server, 't'))!;
    assert.equal(t.file.basis.kind, 'pages');
    assert.ok(first.backup.bytesReceived < full.backup.bytesReceived / 4);
    assert.doesNotMatch(first.backup.backupLabel.toString(), /INCREMENTAL/);
    await each(server, 'delete from t where id > 40000', 'vacuum t', 'create table u (id int)');
    const second = await take(server, { parent: first });
    const differential = await take(server, { parent: full });
    await server.stop();
    assertSamePages(second.sink, server.dataDir);
    assertSamePages(differential.sink, server.dataDir);
  },
  since17,
);

// Trap 1: queries over the parent's visibility map return wrong rows, and no check sees it.
testEachMajor(
  'update after vacuum: the visibility map comes whole',
  async (major) => {
    await using server = await start(major);
    await each(
      server,
      `create table t as select g as id, repeat('x', 200) as filler from generate_series(1, 20000) g`,
      'vacuum t',
    );
    const full = await take(server);
    await server.sql('update t set id = -id where id % 400 = 0');
    const next = await take(server, { parent: full });
    const map = `${await pathOf(server, 't')}_vm`;
    assert.deepEqual(next.sink.files.get(map)?.file.basis, { kind: 'whole' });
    assert.notDeepEqual(next.sink.bytes(map), full.sink.bytes(map), 'the map did change');
    await server.stop();
    assertSamePages(next.sink, server.dataDir);
  },
  since17,
);

// Pages never WAL-logged, beyond a truncation: pg_combinebackup takes them from the parent.
testEachMajor(
  'a table truncated by vacuum and regrown holds no page of the parent beyond',
  async (major) => {
    await using server = await start(major);
    await each(
      server,
      `create table t as select g as id, repeat('x', 1000) as filler from generate_series(1, 7000) g`,
      'vacuum t',
    );
    const full = await take(server);
    await each(server, 'delete from t where id > 6000', 'vacuum t');
    await using copy = await server.connect();
    const row = Buffer.from(`1\t${'z'.repeat(1000)}\n`);
    await copy.copyIn('copy t from stdin', Array(500).fill(row));
    const next = await take(server, { parent: full });
    const { file } = next.sink.files.get(await pathOf(server, 't'))!;
    assert.equal(file.basis.kind, 'pages');
    await server.stop();
    assertSamePages(next.sink, server.dataDir);
    assert.ok(file.basis.kind === 'pages' && file.basis.limit * 8192 < file.size);
  },
  since17,
);

testEachMajor(
  'without summaries the refusal is coded, so that a full read can follow',
  async (major) => {
    await using server = await start(major);
    const full = await take(server);
    for (let n = 0; n < 3; n++) {
      await each(server, 'select txid_current(), pg_switch_wal()', 'checkpoint');
    }
    await server.stop();
    const summaries = join(server.dataDir, 'pg_wal', 'summaries');
    for (const file of readdirSync(summaries)) rmSync(join(summaries, file));
    await server.start();
    await assert.rejects(take(server, { parent: full }), { code: 'POSTGRES_SUMMARIES_MISSING' });
    await server.stop();
    await server.start({ summarize_wal: 'off' });
    await assert.rejects(take(server, { parent: full }), { code: 'POSTGRES_SUMMARIES_MISSING' });
  },
  since17,
);
