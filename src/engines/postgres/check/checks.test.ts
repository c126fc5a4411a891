import assert from 'node:assert/strict';
import { promises as fs } from 'node:fs';
import { join } from 'node:path';
import { testEachMajor } from '../../../../test/support/majors.ts';
import { startPostgres, type TestPostgres } from '../../../../test/support/postgres.ts';
import { parseInstant } from '../../../content/instant.ts';
import { machine } from '../../../host/host.ts';
import { assertionCheck } from './assertion-check.ts';
import type { Check, CheckResult } from './check.ts';
import { pageChecksum } from './page-checksum.ts';
import { proofLevel } from './proof-level.ts';
import { recencyCheck, recoveryCheck } from './recovery-check.ts';
import { runChecks } from './run-checks.ts';
import { standardChecks } from './standard-checks.ts';

const PAGE = 8192;

async function start(major: number): Promise<TestPostgres> {
  return await startPostgres({
    major,
    initdb: major === 18 ? [] : ['--data-checksums'],
    settings: { autovacuum: 'off' },
  });
}

async function check(
  postgres: TestPostgres,
  checks: readonly Check[] = standardChecks,
): Promise<Map<string, CheckResult>> {
  const connect = async (database: string) => await postgres.connect(database);
  const context = { host: machine, dataDir: postgres.dataDir, connect };
  const results = await runChecks({ checks, context });
  return new Map(results.map((result) => [result.name, result]));
}

/** The names of the checks that failed, with what they said for the message of an assertion. */
function failures(results: Map<string, CheckResult>): string[] {
  return [...results.values()].filter(({ ok }) => !ok).map(({ name }) => name);
}

const said = (results: Map<string, CheckResult>) => JSON.stringify([...results.values()], null, 1);

/** Everything the catalogs can say: partitions, expressions, all kinds of keys, quoted names. */
const WIDE_SCHEMA = `
  CREATE SCHEMA "Odd ""name";
  CREATE TABLE "Odd ""name"."Ta ble" ("K ey" int PRIMARY KEY, doc json NOT NULL, CHECK ("K ey" > 0));
  INSERT INTO "Odd ""name"."Ta ble" SELECT g, '{}' FROM generate_series(1, 500) g;
  CREATE TABLE child (a int, b int, ref int REFERENCES "Odd ""name"."Ta ble", note text,
    UNIQUE (a, b), CHECK (note <> ''));
  INSERT INTO child SELECT g, NULLIF(g % 7, 0), NULLIF(g % 400, 0), repeat('long', 2000)
    FROM generate_series(1, 900) g;
  INSERT INTO child VALUES (1, NULL, NULL, NULL), (1, NULL, NULL, NULL);
  CREATE UNIQUE INDEX ON child (lower(note), a) WHERE a > 100;
  CREATE TABLE parts (id int, part int, PRIMARY KEY (id, part)) PARTITION BY RANGE (part);
  CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM (0) TO (10);
  CREATE TABLE parts_2 PARTITION OF parts FOR VALUES FROM (10) TO (20);
  INSERT INTO parts SELECT g, g % 20 FROM generate_series(1, 300) g;
  CREATE TABLE refs (id int, part int, FOREIGN KEY (id, part) REFERENCES parts MATCH FULL);
  INSERT INTO refs SELECT id, part FROM parts UNION ALL SELECT NULL, NULL;
  CREATE UNLOGGED TABLE fleeting (v int PRIMARY KEY);
  INSERT INTO fleeting VALUES (1);
  CREATE MATERIALIZED VIEW totals AS SELECT count(*) FROM child;
  CREATE DOMAIN "Odd ""name"."Po sitive" AS varchar(3) CHECK (VALUE::int > 0);
  CREATE DOMAIN even AS "Odd ""name"."Po sitive" NOT NULL CHECK (VALUE::int % 2 = 0);
  CREATE DOMAIN code AS char(4) CHECK (length(VALUE) = 4);
  CREATE TABLE typed ("E ven" even, c code);
  INSERT INTO typed SELECT g * 2, 'abcd' FROM generate_series(1, 300) g;
  INSERT INTO typed VALUES ((SELECT "E ven" FROM typed WHERE false), NULL);
  CREATE DOMAIN later AS int;
  CREATE TABLE grown (v later);
  INSERT INTO grown VALUES (-1);
  ALTER DOMAIN later ADD CHECK (VALUE > 0) NOT VALID;
  CREATE TABLE booked (room int4range, at int4range, paid bool,
    EXCLUDE USING gist (room WITH =, at WITH &&) WHERE (paid), EXCLUDE USING gist (range_merge(at, room) WITH =));
  INSERT INTO booked SELECT int4range(g, g + 1), int4range(g * 10, g * 10 + 10), true
    FROM generate_series(1, 200) g;
  VACUUM (FREEZE)`;

/** What 18 brought: keys and foreign keys over periods. */
const TEMPORAL_SCHEMA = `
  CREATE TABLE leases (id int4range, during int4multirange,
    PRIMARY KEY (id, during WITHOUT OVERLAPS));
  CREATE TABLE rooms (id int4range, during int4range, PRIMARY KEY (id, during WITHOUT OVERLAPS));
  INSERT INTO rooms VALUES ('[1,2)', '[0,10)'), ('[1,2)', '[10,20)'), ('[2,3)', '[0,30)');
  CREATE TABLE guests (room int4range, "du ring" int4range,
    FOREIGN KEY (room, PERIOD "du ring") REFERENCES rooms (id, PERIOD during));
  INSERT INTO guests VALUES ('[1,2)', '[5,15)'), ('[2,3)', '[29,30)'), (NULL, '[99,100)'), ('[7,8)', NULL)`;

testEachMajor('a sound cluster passes every check, and is as it was afterwards', async (major) => {
  await using postgres = await start(major);
  for (const statement of WIDE_SCHEMA.split(';\n')) await postgres.sql(statement);
  if (major >= 18) await postgres.sql(TEMPORAL_SCHEMA);
  const location = await postgres.addTablespace('elsewhere');
  assert.ok(location);
  await postgres.sql('CREATE TABLE moved TABLESPACE elsewhere AS SELECT generate_series(1, 5000)');
  await postgres.sql('CHECKPOINT');
  const results = await check(postgres, [
    recoveryCheck({ reached: true, detail: 'started' }),
    ...standardChecks,
    recencyCheck({
      newest: parseInstant('2026-11-21T10:00:00Z'),
      expected: parseInstant('2026-11-21T10:00:00Z'),
    }),
    assertionCheck({ name: 'five', database: 'postgres', sql: 'SELECT 2 + 3', expected: '5' }),
  ]);
  assert.deepEqual(failures(results), [], said(results));
  for (const { name, counted } of results.values()) assert.ok(counted > 0, name);
  assert.equal(results.get('domains')?.counted, 2);
  assert.match(results.get('domains')?.detail ?? '', /grown\.v not looked at/);
  assert.equal(results.get('exclusion-constraints')?.counted, major >= 18 ? 4 : 2);
  const list = [...results.values()];
  assert.equal(proofLevel({ bytesAuthenticated: true, results: list }), 'L4');
  assert.equal(proofLevel({ bytesAuthenticated: false, results: list }), 'L0');
  const without = list.filter(({ name }) => name !== 'visibility-map');
  assert.equal(proofLevel({ bytesAuthenticated: true, results: without }), 'L2');
  const left = `SELECT count(*) FROM pg_extension WHERE extname <> 'plpgsql'`;
  assert.equal(await postgres.value(left), '0');
});

/** How each kind of damage is done, and which checks must find it; more may. */
testEachMajor(
  'each kind of damage fails its check, and names the place',
  async (major) => {
    await using postgres = await start(major);
    const inDatabase = async (database: string, statements: readonly string[]) => {
      await postgres.sql(`CREATE DATABASE ${database}`);
      for (const statement of statements) await postgres.sql(statement, database);
    };
    await inDatabase('orphan', [
      'CREATE TABLE p (id int PRIMARY KEY); CREATE TABLE c (id int REFERENCES p)',
      'SET session_replication_role = replica; INSERT INTO c VALUES (1)',
    ]);
    await inDatabase('lost_entry', [
      'CREATE TABLE t (id int, v text); CREATE INDEX by_id ON t (id)',
      `UPDATE pg_index SET indisready = false WHERE indexrelid = 'by_id'::regclass`,
      'INSERT INTO t VALUES (1)',
      `UPDATE pg_index SET indisready = true WHERE indexrelid = 'by_id'::regclass`,
    ]);
    await inDatabase('broken_check', [
      'CREATE TABLE t (v int); INSERT INTO t VALUES (-1)',
      'ALTER TABLE t ADD CONSTRAINT positive CHECK (v > 0) NOT VALID',
      `UPDATE pg_constraint SET convalidated = true WHERE conname = 'positive'`,
    ]);
    await inDatabase('broken_null', [
      'CREATE TABLE t (v int); INSERT INTO t VALUES (NULL)',
      `UPDATE pg_attribute SET attnotnull = true WHERE attrelid = 't'::regclass AND attname = 'v'`,
    ]);
    await inDatabase('twice', [
      'CREATE TABLE t (v int); INSERT INTO t VALUES (1), (1); CREATE INDEX by_v ON t (v)',
      `UPDATE pg_index SET indisunique = true WHERE indexrelid = 'by_v'::regclass`,
    ]);
    await inDatabase('no_such_value', [
      'CREATE DOMAIN small AS int; CREATE DOMAIN tiny AS small; CREATE TABLE t (v tiny)',
      'INSERT INTO t VALUES (1), (77); ALTER DOMAIN small ADD CHECK (VALUE < 10) NOT VALID',
      'UPDATE pg_constraint SET convalidated = true WHERE contypid <> 0',
    ]);
    const unseen = (insert: string) => [
      'UPDATE pg_index SET indisready = false WHERE indisexclusion',
      insert,
      'UPDATE pg_index SET indisready = true WHERE indisexclusion',
    ];
    await inDatabase('conflict', [
      'CREATE TABLE t (v int4range, CONSTRAINT apart EXCLUDE USING gist (v WITH &&))',
      ...unseen(`INSERT INTO t VALUES ('[1,5)'), ('[9,11)'), ('[4,6)')`),
    ]);
    if (major >= 18) {
      await inDatabase('overlap', [
        'CREATE TABLE t (id int4range, v int4range, CONSTRAINT p PRIMARY KEY (id, v WITHOUT OVERLAPS))',
        ...unseen(`INSERT INTO t VALUES ('[1,2)', '[1,5)'), ('[1,2)', '[4,6)')`),
      ]);
      await inDatabase('uncovered', [
        TEMPORAL_SCHEMA,
        `SET session_replication_role = replica; INSERT INTO guests VALUES ('[1,2)', '[15,21)'), ('[7,8)', '[1,2)')`,
      ]);
    }
    await inDatabase('invalid_index', [
      'CREATE TABLE t (v int); CREATE INDEX by_v ON t (v)',
      `UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'by_v'::regclass`,
    ]);
    const rows = 'CREATE TABLE t AS SELECT g, md5(g::text) FROM generate_series(1, 2000) g';
    for (const database of ['flipped_bit', 'bad_tuple']) await inDatabase(database, [rows]);
    await inDatabase('stale_map', [rows, 'VACUUM t']);
    const file = async (database: string) =>
      join(postgres.dataDir, await postgres.value(`SELECT pg_relation_filepath('t')`, database));
    const [flipped, badTuple, stale] = [
      await file('flipped_bit'),
      await file('bad_tuple'),
      await file('stale_map'),
    ];
    await postgres.stop();
    const oldMap = await fs.readFile(`${stale}_vm`);
    await alterPage({ path: flipped, block: 3, alter: (page) => page.writeUInt8(0xaa, 8000) });
    await alterPage({ path: badTuple, block: 4, alter: shortenTuple, checksummed: true });
    await postgres.start();
    await postgres.sql('UPDATE t SET g = -g WHERE g % 100 = 0', 'stale_map');
    await postgres.stop();
    await fs.writeFile(`${stale}_vm`, oldMap);
    await postgres.start();

    const results = await check(postgres);
    const expected: [string, string][] = [
      ['foreign-keys', 'orphan'],
      ['btree-indexes', 'lost_entry'],
      ['constraints', 'broken_check: public.t: 1 rows break CHECK positive'],
      ['constraints', 'broken_null: public.t: 1 rows break v NOT NULL'],
      ['unique-keys', 'twice: public.by_v: 1 keys more than once'],
      ['domains', 'no_such_value: public.t: '],
      ['domains', 'small'],
      ['exclusion-constraints', 'conflict: public.apart: '],
      ['valid-indexes', 'invalid_index'],
      ['page-checksums', `${flipped.slice(postgres.dataDir.length + 1)} block 3`],
      ['heap', 'bad_tuple: public.t (4,'],
      ['visibility-map', 'stale_map: public.t'],
    ];
    if (major >= 18) {
      expected.push(['exclusion-constraints', 'overlap: public.p: ']);
      expected.push([
        'foreign-keys',
        'uncovered: public.guests guests_room_du ring_fkey: 2 orphaned',
      ]);
    }
    for (const [name, place] of expected) {
      const result = results.get(name);
      assert.equal(result?.ok, false, name);
      assert.ok(result?.detail.includes(place), `${name}: ${result?.detail}`);
    }
    assert.equal(proofLevel({ bytesAuthenticated: true, results: [...results.values()] }), 'L1');
  },
  { quick: [14, 17, 18] },
);

testEachMajor(
  'a check that cannot run has failed: extensions in a server still in recovery',
  async (major) => {
    await using primary = await start(major);
    await using standby = await primary.makeStandby();
    const results = await check(standby);
    assert.deepEqual(failures(results), ['heap', 'btree-indexes', 'visibility-map'], said(results));
    assert.match(results.get('heap')?.detail ?? '', /could not run.*read-only/);
  },
  { from: 18 },
);

testEachMajor(
  'an assertion that does not hold, and an old newest commit, fail',
  async (major) => {
    await using postgres = await start(major);
    const expected = parseInstant('2026-11-21T10:00:00Z');
    const results = await check(postgres, [
      assertionCheck({ name: 'rows', database: 'postgres', sql: 'SELECT 1', expected: '2' }),
      assertionCheck({
        name: 'no write',
        database: 'postgres',
        sql: 'CREATE TABLE x ()',
        expected: null,
      }),
      recencyCheck({ newest: parseInstant('2026-11-21T09:59:59.999999Z'), expected }),
      recoveryCheck({ reached: false, detail: 'ended early' }),
    ]);
    assert.deepEqual(failures(results), ['rows', 'no write', 'recency', 'recovery']);
  },
  { from: 18 },
);

async function alterPage(options: {
  readonly path: string;
  readonly block: number;
  readonly alter: (page: Buffer) => void;
  /** With a checksum that fits: damage only the contents betray. */
  readonly checksummed?: boolean;
}): Promise<void> {
  const { path, block, alter, checksummed } = options;
  const bytes = await fs.readFile(path);
  const page = Buffer.alloc(PAGE);
  bytes.copy(page, 0, block * PAGE, (block + 1) * PAGE);
  alter(page);
  if (checksummed) {
    const words = new Int32Array(page.buffer, page.byteOffset, PAGE / 4);
    page.writeUInt16LE(pageChecksum(words, block), 8);
  }
  page.copy(bytes, block * PAGE);
  await fs.writeFile(path, bytes);
}

/** The first line pointer's length, in its upper 15 bits, becomes less than a tuple header. */
function shortenTuple(page: Buffer): void {
  const pointer = page.readUInt32LE(24);
  page.writeUInt32LE(((pointer & 0x1ffff) | (10 << 17)) >>> 0, 24);
}
