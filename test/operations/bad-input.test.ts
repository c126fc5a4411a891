import assert from 'node:assert/strict';
import { chmodSync, chownSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { freePort } from '../support/free-port.ts';
import { testEachMajor } from '../support/majors.ts';
import { startPostgres } from '../support/postgres.ts';
import { start } from './process.ts';
import { Workbench } from './workbench.ts';

const NOBODY = 65534;
const one = { from: 18 } as const;

const holdfast = (...started: Parameters<typeof start>) => start(...started).ended;

async function offline(...more: string[]): Promise<Workbench> {
  const bench = new Workbench();
  await bench.json('init', '--host', '127.0.0.1', '--port', String(await freePort()), ...more);
  return bench;
}

test('a server that does not run is transient', async () => {
  using bench = await offline();
  const { exit, out, err } = await holdfast(bench, ['backup']);
  assert.equal(exit, 4);
  assert.equal(out, '');
  assert.match(
    err,
    /^error \[POSTGRES_UNREACHABLE\]: PostgreSQL at 127\.0\.0\.1:\d+ cannot be reached: /m,
  );
  assert.match(err, /^ {2}→ /m);
});

test('a wrong passphrase is denied, and who has one may be asked without it', async () => {
  using bench = new Workbench();
  const phrase = join(bench.directory, 'phrase');
  writeFileSync(phrase, 'ten plain words that nobody else would think of\n', { mode: 0o600 });
  const port = String(await freePort());
  await bench.json('init', '--host', '127.0.0.1', '--port', port, '--passphrase-file', phrase);
  writeFileSync(phrase, 'ten plain words that nobody else would think of?\n');
  const { exit, err } = await holdfast(bench, ['list']);
  assert.equal(exit, 7);
  assert.match(err, /error \[KEY_WRONG\]: This passphrase opens none of the 1 recipients/);
  assert.equal((await holdfast(bench, ['key', 'list'])).exit, 0);
  rmSync(phrase);
  const unreadable = await bench.refusal('list');
  assert.deepEqual([unreadable.code, unreadable.exit], ['SECRET_UNREADABLE', 7]);
});

test('a damaged configuration is told by file and line, before anything is done', async () => {
  using bench = await offline();
  bench.editConfig((yaml) => yaml.replace('user:', 'usr:'));
  const misspelt = await holdfast(bench, ['backup']);
  assert.equal(misspelt.exit, 2);
  const line =
    bench
      .config()
      .split('\n')
      .findIndex((row) => row.includes('usr:')) + 1;
  assert.ok(misspelt.err.includes(`${bench.configFile}:${line}: unknown key "sources.main.usr"`));
  writeFileSync(bench.configFile, 'repository:\n  location: [/srv\n');
  const broken = await bench.refusal('list');
  assert.deepEqual([broken.code, broken.exit], ['CONFIG_INVALID', 2]);
  assert.match(broken.message, /holdfast\.yaml:\d+: /);
  rmSync(bench.configFile);
  const none = await bench.refusal('list');
  assert.deepEqual([none.code, none.exit], ['CONFIG_ABSENT', 3]);
});

test('a repository that is not mounted is transient, never empty', async () => {
  using bench = await offline();
  renameSync(bench.repository, `${bench.repository}-unmounted`);
  const commands = [['list'], ['window'], ['verify'], ['backup'], ['key', 'list']];
  const refusals = await Promise.all(commands.map((command) => bench.refusal(...command)));
  for (const { code, kind, exit } of refusals) {
    assert.deepEqual(
      { code, kind, exit },
      { code: 'STORE_UNAVAILABLE', kind: 'transient', exit: 4 },
    );
  }
});

test('an empty mount point is no repository, and init is what it says', async () => {
  using bench = await offline();
  renameSync(bench.repository, `${bench.repository}-unmounted`);
  mkdirSync(bench.repository);
  for (const command of [['list'], ['key', 'list']]) {
    const { code, exit } = await bench.refusal(...command);
    assert.deepEqual({ code, exit }, { code: 'REPOSITORY_ABSENT', exit: 3 });
  }
});

test('no permission for the repository directory', async (context) => {
  if (process.getuid?.() !== 0) {
    context.skip('only root can become another user');
    return;
  }
  using bench = await offline();
  const key = join(bench.directory, 'holdfast.key');
  chownSync(key, NOBODY, NOBODY);
  chmodSync(bench.repository, 0o700);
  const as = { uid: NOBODY, gid: NOBODY };
  for (const command of [['list'], ['backup'], ['key', 'list']]) {
    const { exit, err } = await holdfast(bench, command, as);
    assert.equal(exit, 7, err);
    assert.match(err, /error \[STORE_DENIED\]: .*permission denied/i);
  }
  chmodSync(bench.repository, 0o755);
  chownSync(key, 0, 0);
  const secret = await holdfast(bench, ['list'], as);
  assert.equal(secret.exit, 7);
  assert.match(secret.err, /SECRET_UNREADABLE.*EACCES/s);
  const fresh = await holdfast(bench, ['--config', join(bench.directory, 'new.yaml'), 'init'], as);
  assert.equal(fresh.exit, 7, fresh.err);
});

testEachMajor(
  'a role that may not replicate, a snapshot and a source that are not there',
  async (major) => {
    await using postgres = await startPostgres({ major });
    using bench = new Workbench();
    await bench.init(postgres);
    await postgres.sql('create role plain login');
    bench.editConfig((yaml) => yaml.replace('user: postgres', 'user: plain'));
    const role = await bench.refusal('backup');
    assert.deepEqual([role.code, role.exit], ['POSTGRES_REPLICATION_PRIVILEGE', 7]);
    assert.match(role.hint, /ALTER ROLE "plain" REPLICATION;/);
    bench.editConfig((yaml) => yaml.replace('user: plain', 'user: postgres'));

    for (const command of [
      ['show'],
      ['delete'],
      ['verify'],
      ['restore', 'main', '--to', '/tmp/x'],
    ]) {
      const asked = command[0] === 'restore' ? ['--snapshot', 'deadbeef'] : ['deadbeef'];
      const { code, exit } = await bench.refusal(...command, ...asked);
      const expected = command[0] === 'restore' ? 'NO_SNAPSHOT' : 'SNAPSHOT_UNKNOWN';
      assert.deepEqual({ code, exit }, { code: expected, exit: 3 }, command[0]);
    }
    const unknown = await bench.refusal('backup', 'mian');
    assert.deepEqual([unknown.code, unknown.exit], ['SOURCE_UNKNOWN', 2]);
    assert.match(unknown.message, /did you mean main\?/);
  },
  one,
);

testEachMajor(
  'a wal_level that is too low says what to set',
  async (major) => {
    await using postgres = await startPostgres({
      major,
      settings: { wal_level: 'minimal', max_wal_senders: '0' },
    });
    using bench = new Workbench();
    await bench.init(postgres);
    const { code, kind, hint } = await bench.refusal('backup');
    assert.equal(kind, 'usage', code);
    assert.match(hint, /wal_level = replica/);
    const { code: exit, out } = await bench.run('doctor');
    assert.equal(exit, 8);
    assert.match(out, /PROBLEM .*wal_level is minimal/);
    assert.match(out, /ALTER SYSTEM SET wal_level = replica/);
  },
  { from: 14 },
);
