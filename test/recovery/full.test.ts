import assert from 'node:assert/strict';
import { promises as fs } from 'node:fs';
import { join } from 'node:path';
import { DOCUMENT } from '../../src/engines/postgres/snapshot-document.ts';
import { readDocument } from '../../src/repository/snapshots/read-snapshot.ts';
import { faultyFileSystem } from '../doubles/faulty-file-system.ts';
import { testHost } from '../doubles/host.ts';
import { testEachMajor } from '../support/majors.ts';
import { startPostgres } from '../support/postgres.ts';
import { place, snapshotOf, sourceOf, temporaryRepository } from './scenario.ts';
import { assertIsManifest, readTree, type Tree } from './tree.ts';

const FILLING = `
  create table t as select i, md5(i::text) from generate_series(1, 2000) i;
  create unlogged table u as select i from generate_series(1, 100) i;
  create table empty (i int);
  create index on t (i);
  select lo_from_bytea(0, 'a large object')`;

// Group access asks for other modes than the usual ones: 0640 and 0750.
testEachMajor('a placed snapshot is the server’s own manifest, file by file', async (major) => {
  await using temporary = await temporaryRepository();
  const { repository } = temporary;
  await using postgres = await startPostgres({ major, initdb: ['--allow-group-access'] });
  await postgres.addTablespace('elsewhere');
  await postgres.sql(FILLING);
  await postgres.sql('create table moved tablespace elsewhere as select 1 as i');
  await postgres.sql('checkpoint');
  const { snapshot } = await snapshotOf(repository, sourceOf(postgres));

  const { fs: recorded, calls } = faultyFileSystem();
  await using placed = await place({ repository, snapshot, host: testHost({ fs: recorded }) });
  const { directory } = placed;
  const tree = await readTree(directory);
  const manifest = await readDocument({ repository, snapshot, name: DOCUMENT.manifest });
  const { composed } = assertIsManifest(tree, manifest);
  assert.deepEqual(composed, []);
  await assertModes(tree, postgres.dataDir);

  const opened = calls.filter(({ name, path }) => name === 'open' && path.startsWith(directory));
  const files = opened.filter(({ path }) => tree.files.has(path.slice(directory.length + 1)));
  assert.equal(files.at(-1)?.path, join(directory, 'global/pg_control'), 'pg_control is last');
  const first = files.findIndex(({ path }) => path.endsWith('/global/pg_control'));
  const others = files.slice(first).filter(({ path }) => !path.endsWith('/global/pg_control'));
  assert.deepEqual(others, []);
});

/** Modes of the source, and every directory it has: PostgreSQL does not make them again. */
async function assertModes(tree: Tree, source: string): Promise<void> {
  for (const [path, { mode }] of tree.files) {
    if (path === 'backup_label') continue;
    const { mode: own } = await fs.stat(join(source, path));
    assert.equal(mode.toString(8), (own & 0o777).toString(8), path);
  }
  const { directories } = await readTree(source);
  const wanted = [...directories].filter(([path]) => !/pgsql_tmp|^pg_replslot\//.test(path));
  assert.deepEqual(
    [...tree.directories].sort().map(([path, mode]) => `${mode.toString(8)} ${path}`),
    wanted.sort().map(([path, mode]) => `${mode.toString(8)} ${path}`),
  );
}
