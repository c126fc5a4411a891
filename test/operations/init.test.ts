import assert from 'node:assert/strict';
import { existsSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import type { InitResult, KeyListResult } from '../../src/operations/contract.ts';
import { freePort } from '../support/free-port.ts';
import { testEachMajor } from '../support/majors.ts';
import { startPostgres } from '../support/postgres.ts';
import { Workbench } from './workbench.ts';

testEachMajor(
  'init finds the server, and running it again changes nothing',
  async (major) => {
    await using postgres = await startPostgres({ major });
    using bench = new Workbench();
    bench.environment = {
      ...bench.environment,
      PGHOST: postgres.socketDir,
      PGPORT: String(postgres.port),
    };
    const first = await bench.json<InitResult>('init', '--user', 'postgres');
    assert.equal(first.configWritten, true);
    assert.equal(first.repository.created, true);
    assert.equal(first.key.created, true);
    assert.match(
      first.found.join('\n'),
      new RegExp(
        `^PostgreSQL ${major}\\.\\d+.* at ${postgres.socketDir}:${postgres.port}, a primary`,
      ),
    );
    assert.match(first.found.join('\n'), /wal_level replica, .*summaries.*, page checksums/);
    assert.match(first.found.join('\n'), /Role postgres: may replicate, may monitor/);
    const key = join(bench.directory, 'holdfast.key');
    assert.equal(statSync(key).mode & 0o777, 0o600);
    assert.equal(Buffer.from(readFileSync(key, 'utf8').trim(), 'base64').length, 32);

    const before = { key: readFileSync(key, 'utf8'), config: bench.config() };
    const again = await bench.json<InitResult>('init', '--location', '/elsewhere');
    assert.equal(again.configWritten, false);
    assert.equal(again.repository.created, false);
    assert.equal(again.key.created, false);
    assert.equal(again.repository.id, first.repository.id);
    assert.deepEqual({ key: readFileSync(key, 'utf8'), config: bench.config() }, before);
    assert.match(
      again.warnings.map(({ message }) => message).join(),
      /--location .* changed nothing/,
    );
    const { keys } = await bench.json<KeyListResult>('key', 'list');
    assert.deepEqual(
      keys.map(({ kind, role, label }) => ({ kind, role, label })),
      [{ kind: 'key-file', role: 'full', label: 'holdfast.key' }],
    );
  },
  { from: 14 },
);

testEachMajor(
  'the statement that creates a missing role is exact',
  async (major) => {
    await using postgres = await startPostgres({ major });
    using bench = new Workbench();
    bench.environment = {
      ...bench.environment,
      PGHOST: postgres.socketDir,
      PGPORT: String(postgres.port),
      PGUSER: 'postgres',
    };
    const { warnings, found } = await bench.json<InitResult>('init');
    assert.match(found[0] ?? '', new RegExp(`^PostgreSQL ${major}`));
    const hint = warnings
      .map((warning) => warning.hint)
      .find((text) => text.includes('CREATE ROLE'));
    await postgres.sql(hint!.replace(/^.*?(?=CREATE ROLE)/, ''));
    const again = await bench.json<InitResult>('init');
    assert.ok(!again.warnings.some((warning) => warning.hint.includes('CREATE ROLE')));
    assert.match(again.found.join('\n'), /Role holdfast: may replicate, may monitor/);
  },
  { from: 18 },
);

test('no server is a warning: the repository and its key are there all the same', async () => {
  using bench = new Workbench();
  const port = String(await freePort());
  const result = await bench.json<InitResult>('init', '--host', '127.0.0.1', '--port', port);
  assert.equal(result.repository.created, true);
  assert.deepEqual(result.found, []);
  assert.match(result.warnings[0]?.message ?? '', /cannot be reached/);
  assert.match(bench.config(), new RegExp(`port: ${port}`));
  assert.match(result.next.join('\n'), /doctor\n.*backup\n.*follow$/);
});

const offline = async (bench: Workbench, ...more: string[]) =>
  await bench.run('init', '--host', '127.0.0.1', '--port', String(await freePort()), ...more);

test('an init that was interrupted goes on where it stood', async () => {
  using bench = new Workbench();
  assert.equal((await offline(bench)).code, 0);
  const key = readFileSync(join(bench.directory, 'holdfast.key'), 'utf8');
  rmSync(bench.configFile);
  assert.equal((await offline(bench)).code, 0);
  assert.equal(readFileSync(join(bench.directory, 'holdfast.key'), 'utf8'), key);
  rmSync(bench.configFile);
  rmSync(bench.repository, { recursive: true });
  assert.equal((await offline(bench)).code, 0);
  assert.equal(readFileSync(join(bench.directory, 'holdfast.key'), 'utf8'), key);
});

test('a repository whose key is missing gets no new key', async () => {
  using bench = new Workbench();
  assert.equal((await offline(bench)).code, 0);
  rmSync(join(bench.directory, 'holdfast.key'));
  rmSync(bench.configFile);
  const { code, exit } = await bench.refusal('init');
  assert.equal(code, 'INIT_KEY_ABSENT');
  assert.equal(exit, 3);
  assert.equal(existsSync(join(bench.directory, 'holdfast.key')), false);
  assert.equal(existsSync(bench.configFile), false);
});

test('a passphrase instead of a key file, and a weak one', async () => {
  using bench = new Workbench();
  const file = join(bench.directory, 'phrase');
  writeFileSync(file, 'short\n', { mode: 0o600 });
  const weak = await bench.refusal('init', '--passphrase-file', file);
  assert.equal(weak.code, 'KEY_WEAK');
  writeFileSync(file, 'ten plain words that nobody else would think of\n');
  assert.equal((await offline(bench, '--passphrase-file', file)).code, 0);
  const { keys } = await bench.json<KeyListResult>('key', 'list');
  assert.deepEqual(
    keys.map(({ kind, label }) => ({ kind, label })),
    [{ kind: 'passphrase', label: 'passphrase' }],
  );
  assert.equal(existsSync(join(bench.directory, 'holdfast.key')), false);
});

test('a directory that was there with a configuration and is gone is told', async () => {
  using bench = new Workbench();
  assert.equal((await offline(bench)).code, 0);
  rmSync(bench.repository, { recursive: true });
  const { err } = await bench.run('init');
  assert.match(err, /did not exist and was created/);
});
