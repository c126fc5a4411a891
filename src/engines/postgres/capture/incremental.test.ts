import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { type Cluster, cluster } from '../testing/cluster.ts';
import { assertSamePages } from '../testing/compare.ts';
import { MemorySnapshot } from '../testing/memory-snapshot.ts';
import { type CapturedBackup, captureBaseBackup } from './base-backup.ts';

async function capture(
  server: Cluster,
  parent?: { readonly sink: MemorySnapshot; readonly backup: CapturedBackup },
): Promise<{ sink: MemorySnapshot; backup: CapturedBackup }> {
  await using connection = await server.open({ replication: true });
  await using sql = await server.open();
  const sink = new MemorySnapshot(parent ? { parent: parent.sink } : {});
  const backup = await captureBaseBackup({
    connection,
    sink,
    label: 'x',
    checkpoint: 'fast',
    ...(parent ? { parent: { manifest: parent.backup.manifest, sql } } : {}),
  });
  return { sink, backup };
}

async function filePath(server: Cluster, relation: string): Promise<string> {
  const [[file] = []] = await server.sql(`select pg_relation_filepath('${relation}')`);
  assert.ok(file);
  return file;
}

for (const version of [17, 18]) {
  const start = (settings: Record<string, string> = {}) =>
    cluster({ version, settings: { summarize_wal: 'on', ...settings } });

  suite(`PostgreSQL ${version}: native incremental`, () => {
    test('a chain of incrementals composes to every page of the source', async () => {
      await using server = await start();
      await server.sql(
        `create table t as select g as id, repeat('x', 200) as filler from generate_series(1, 50000) g`,
        'create index on t (id)',
        'vacuum t',
      );
      const full = await capture(server);
      await server.sql(`update t set filler = 'y' where id % 5000 = 0`);
      const first = await capture(server, full);
      const t = first.sink.files.get(await filePath(server, 't'))!;
      assert.equal(t.file.basis.kind, 'pages');
      assert.ok(first.backup.bytesReceived < full.backup.bytesReceived / 4);
      assert.doesNotMatch(first.backup.backupLabel.toString(), /INCREMENTAL/);
      await server.sql('delete from t where id > 40000', 'vacuum t', 'create table u (id int)');
      const second = await capture(server, first);
      const differential = await capture(server, full);
      await server.stop();
      assertSamePages(second.sink, server.data);
      assertSamePages(differential.sink, server.data);
    });

    // Trap 1: queries over the parent's visibility map return wrong rows, and no check sees it.
    test('update after vacuum: the visibility map comes whole', async () => {
      await using server = await start();
      await server.sql(
        `create table t as select g as id, repeat('x', 200) as filler from generate_series(1, 20000) g`,
        'vacuum t',
      );
      const full = await capture(server);
      await server.sql('update t set id = -id where id % 400 = 0');
      const next = await capture(server, full);
      const map = `${await filePath(server, 't')}_vm`;
      assert.deepEqual(next.sink.files.get(map)?.file.basis, { kind: 'whole' });
      assert.notDeepEqual(next.sink.bytes(map), full.sink.bytes(map), 'the map did change');
      await server.stop();
      assertSamePages(next.sink, server.data);
    });

    // Pages never WAL-logged, beyond a truncation: pg_combinebackup takes them from the parent.
    test('a table truncated by vacuum and regrown holds no page of the parent beyond', async () => {
      await using server = await start();
      await server.sql(
        `create table t as select g as id, repeat('x', 1000) as filler from generate_series(1, 7000) g`,
        'vacuum t',
      );
      const full = await capture(server);
      await server.sql('delete from t where id > 6000', 'vacuum t');
      await using copy = await server.open();
      const row = Buffer.from(`1\t${'z'.repeat(1000)}\n`);
      await copy.copyIn('copy t from stdin', Array(500).fill(row));
      const next = await capture(server, full);
      const { file } = next.sink.files.get(await filePath(server, 't'))!;
      assert.equal(file.basis.kind, 'pages');
      await server.stop();
      assertSamePages(next.sink, server.data);
      assert.ok(file.basis.kind === 'pages' && file.basis.limit * 8192 < file.size);
    });

    test('without summaries the refusal is coded, so that a full read can follow', async () => {
      await using server = await start();
      const full = await capture(server);
      await server.sql('alter system set summarize_wal = off', 'select pg_reload_conf()');
      await server.sql('create table t (id int)', 'checkpoint');
      await assert.rejects(capture(server, full), { code: 'POSTGRES_SUMMARIES_MISSING' });
    });
  });
}
