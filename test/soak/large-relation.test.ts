import assert from 'node:assert/strict';
import { assertSamePages } from '../../src/engines/postgres/capture/testing/compare.ts';
import { each, pathOf, take } from '../../src/engines/postgres/capture/testing/take.ts';
import { testEachMajor } from '../support/majors.ts';
import { startPostgres } from '../support/postgres.ts';

// Research §4.3 #32 (postgres ecd275718b): a relation above 1 GiB, truncated but still above it,
// gave its first segment a truncation length beyond the segment: unrestorable before 17.8 and 18.2.
testEachMajor(
  'a relation of two segments, truncated within the second and regrown',
  async (major) => {
    const settings = { summarize_wal: 'on', max_wal_size: '8GB' };
    await using server = await startPostgres({ major, settings, initdb: ['--data-checksums'] });
    await each(
      server,
      `create table t as select g as id, repeat('x', 7500) as filler
         from generate_series(1, 100) g`,
      'alter table t alter filler set storage plain',
      `insert into t select g, repeat('x', 7500) from generate_series(1, 145000) g`,
      'vacuum (freeze) t',
    );
    const full = await take(server);
    await each(server, 'delete from t where id > 140000', 'vacuum t');
    await server.sql(`insert into t select g, repeat('y', 7500) from generate_series(1, 20) g`);
    const next = await take(server, { parent: full });
    const file = await pathOf(server, 't');
    for (const segment of [file, `${file}.1`]) {
      assert.equal(next.sink.files.get(segment)?.file.basis.kind, 'pages', segment);
    }
    assert.ok(next.backup.bytesReceived < full.backup.bytesReceived / 10);
    await server.stop();
    assertSamePages(next.sink, server.dataDir);
  },
  { from: 17, timeout: 600_000 },
);
