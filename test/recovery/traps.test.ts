import assert from 'node:assert/strict';
import { promises as fs } from 'node:fs';
import { join } from 'node:path';
import { runProgram } from '../../src/engines/postgres/server/run-program.ts';
import type { Repository } from '../../src/repository/repository.ts';
import { testEachMajor } from '../support/majors.ts';
import { startPostgres, type TestPostgres } from '../support/postgres.ts';
import { problemsOf } from './checks.ts';
import { column, digestOf, inDatabase } from './digest.ts';
import {
  incrementalOf,
  restoreTo,
  snapshotOf,
  sourceOf,
  summarizing,
  temporaryRepository,
} from './scenario.ts';

const latest = { kind: 'latest' } as const;

async function each(postgres: TestPostgres, ...statements: string[]): Promise<void> {
  for (const statement of statements) await postgres.sql(statement);
}

/** Takes an incremental, and answers what differs once it is restored. */
async function assertSameAfterRestore(repository: Repository, postgres: TestPostgres) {
  const { document } = await snapshotOf(repository, sourceOf(postgres));
  assert.equal(document.method, incrementalOf(postgres.major));
  const wanted = await digestOf(postgres);
  const restored = await restoreTo({ repository, target: latest });
  assert.deepEqual(await digestOf(restored.server!), wanted);
  return restored;
}

// Trap 1: over the parent's visibility map an index-only scan finds rows that are not there, and
// neither amcheck nor any other check but pg_visibility notices.
testEachMajor(
  'update after vacuum, incremental, restore: an index-only scan is right',
  async (major) => {
    await using temporary = await temporaryRepository();
    const { repository } = temporary;
    await using postgres = await startPostgres({ major, settings: summarizing(major) });
    await each(
      postgres,
      `create table t as select g as id, repeat('x', 100) as filler from generate_series(1, 20000) g`,
      'create index on t (id)',
      'vacuum t',
    );
    await snapshotOf(repository, sourceOf(postgres));
    await each(
      postgres,
      'delete from t where id % 333 = 0',
      `update t set filler = 'y' where id = 7`,
    );
    await using restored = await assertSameAfterRestore(repository, postgres);
    await inDatabase(restored.server!, 'postgres', async (session) => {
      const count = 'select count(*) from t where id between 1 and 20000';
      const indexOnly = 'set enable_seqscan = off; set enable_bitmapscan = off';
      const plan = await column(session, `${indexOnly}; explain ${count}`);
      assert.match(plan.join('\n'), /Index Only Scan/);
      const bySequence = await column(
        session,
        `set enable_seqscan = on; set enable_indexonlyscan = off; ${count}`,
      );
      const byIndex = await column(
        session,
        `${indexOnly}; set enable_indexonlyscan = on; ${count}`,
      );
      assert.deepEqual([bySequence, byIndex], [['19940'], ['19940']]);
      await session.query('create extension pg_visibility');
      const wrong = await column(
        session,
        `select count(*) from (select pg_check_visible('t') union all select pg_check_frozen('t')) x`,
      );
      assert.deepEqual(wrong, ['0']);
    });
    assert.deepEqual(await problemsOf(restored), []);
  },
  { from: 17 },
);

// Research §4.3 #33 (postgres ffc226ab64): the truncation of a table was noted for its visibility
// map in blocks of the table, so that pg_combinebackup made a map as long as the table.
testEachMajor(
  'a truncated table’s visibility map is stored and restored as long as it is',
  async (major) => {
    await using temporary = await temporaryRepository();
    const { repository } = temporary;
    await using postgres = await startPostgres({ major, settings: summarizing(major) });
    await each(
      postgres,
      `create table t as select g as id, repeat('x', 1000) as filler from generate_series(1, 14000) g`,
      'vacuum t',
    );
    await snapshotOf(repository, sourceOf(postgres));
    await each(postgres, 'delete from t where id > 7000', 'vacuum t', 'checkpoint');
    const forks = `select string_agg(fork || ' ' || pg_relation_size('t', fork), ', ')
                     from unnest(array['main', 'fsm', 'vm']) fork`;
    const wanted = await postgres.value(forks);
    assert.match(wanted, /^main 8192000, .* vm 8192$/, 'the table was truncated to 1000 blocks');
    await using restored = await assertSameAfterRestore(repository, postgres);
    await inDatabase(restored.server!, 'postgres', async (session) => {
      assert.deepEqual(await column(session, forks), [wanted]);
    });
  },
  { from: 17 },
);

const OIDS: Readonly<Record<string, number>> = { copied: 70_000, logged: 70_001 };

// Trap 2: the pages at a reused path may all be older than the parent; their LSNs tell nothing.
testEachMajor(
  'a database dropped and created anew under the same id is the new one',
  async (major) => {
    await using temporary = await temporaryRepository();
    const { repository } = temporary;
    await using postgres = await startPostgres({ major, settings: summarizing(major) });
    for (const [name, content] of [
      ['one', 'select g as id, 1 as cluster from generate_series(1, 3000) g'],
      ['two', 'select g as id, 2 as cluster from generate_series(1, 3000) g'],
    ] as const) {
      await each(postgres, `create database ${name} template template0`);
      await using session = await postgres.connect(name);
      await session.query(`create table t as ${content}; create index on t (id)`);
    }
    const create = (name: string, template: string, strategy: string) => [
      `drop database if exists ${name}`,
      `create database ${name} template ${template} oid ${OIDS[name]} strategy ${strategy}`,
    ];
    await each(
      postgres,
      ...create('copied', 'one', 'file_copy'),
      ...create('logged', 'one', 'file_copy'),
    );
    await snapshotOf(repository, sourceOf(postgres));
    await each(
      postgres,
      ...create('copied', 'two', 'file_copy'),
      ...create('logged', 'two', 'wal_log'),
    );
    await using _restored = await assertSameAfterRestore(repository, postgres);
  },
  { from: 15, quick: [15, 18] },
);

testEachMajor(
  'a table’s file name used again by another holds the other',
  async (major) => {
    await using temporary = await temporaryRepository();
    const { repository } = temporary;
    await using postgres = await startPostgres({ major, settings: summarizing(major) });
    await each(
      postgres,
      'create table old as select g as id, 1 as k from generate_series(1, 30000) g',
      'vacuum old',
    );
    const file = await postgres.value(`select pg_relation_filepath('old')`);
    await snapshotOf(repository, sourceOf(postgres));
    await each(postgres, 'drop table old', 'checkpoint');
    await postgres.stop();
    await createAt(postgres, Number(file.split('/').at(-1)));
    await postgres.start();
    assert.equal(await postgres.value(`select pg_relation_filepath('young')`), file);
    await using restored = await assertSameAfterRestore(repository, postgres);
    assert.deepEqual(await problemsOf(restored), []);
  },
  { quick: [14, 18] },
);

/** As pg_upgrade does it: a server in a mode that takes the ids it is given. */
async function createAt(postgres: TestPostgres, id: number): Promise<void> {
  const { binaries, user, dataDir, root } = postgres.node;
  const file = major15(postgres)
    ? [`select binary_upgrade_set_next_heap_relfilenode('${id}')`]
    : [];
  const script = [
    `select binary_upgrade_set_next_heap_pg_class_oid('${id}')`,
    ...file,
    `select binary_upgrade_set_next_pg_type_oid('${id + 1}')`,
    `select binary_upgrade_set_next_array_pg_type_oid('${id + 2}')`,
    'create table young (id int, k int)',
    'insert into young select g, 2 from generate_series(1, 9000) g',
  ];
  const input = join(root, 'script.sql');
  await fs.writeFile(input, `${script.join('\n')}\n`, { mode: 0o644 });
  const command = `exec "$0" --single -b -D "$1" ${major17(postgres) ? '-c summarize_wal=on' : ''} postgres < "$2"`;
  const { stderr, stdout } = await runProgram(
    '/bin/sh',
    ['-c', command, binaries.postgres, dataDir, input],
    { user },
  );
  assert.doesNotMatch(stderr + stdout, /ERROR|FATAL/);
}

const major15 = ({ major }: TestPostgres) => major >= 15;
const major17 = ({ major }: TestPostgres) => major >= 17;
