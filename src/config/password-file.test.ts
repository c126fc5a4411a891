import assert from 'node:assert/strict';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { machine as host } from '../host/host.ts';
import type { Endpoint } from './config.ts';
import { parseConfig } from './parse-config.ts';
import { findPassword, readPassword } from './password-file.ts';

const tcp: Endpoint = { kind: 'tcp', host: 'db1', port: 5432 };

test('the first matching line wins; * matches all; backslash escapes', () => {
  const text = [
    '# comment',
    'db2:*:*:*:other host',
    'db1:5433:*:*:other port',
    'db1:5432:app:*:other database',
    'db1:*:replication:holdfast:a\\:b\\\\c',
    '*:*:*:*:late',
  ].join('\n');
  const find = (endpoint: Endpoint, database: string, user = 'holdfast') =>
    findPassword({ text, endpoint, database, user });
  assert.equal(find(tcp, 'replication'), 'a:b\\c');
  assert.equal(find(tcp, 'app'), 'other database');
  assert.equal(find(tcp, 'replication', 'somebody'), 'late');
  assert.equal(find({ ...tcp, port: 5433 }, 'replication'), 'other port');
  assert.equal(
    findPassword({ text: 'broken', endpoint: tcp, database: 'x', user: 'y' }),
    undefined,
  );
});

test('Unix sockets are looked up as localhost or their directory', () => {
  const endpoint: Endpoint = { kind: 'socket', directory: '/run/pg', port: 5432 };
  const find = (text: string) => findPassword({ text, endpoint, database: 'x', user: 'y' });
  assert.equal(find('localhost:*:*:*:one'), 'one');
  assert.equal(find('/run/pg:*:*:*:two'), 'two');
  assert.equal(find('db1:*:*:*:three'), undefined);
});

test('PGPASSFILE is honoured, ignored aloud when others can read it, and optional', async () => {
  const folder = await mkdtemp(path.join(tmpdir(), 'holdfast-pgpass-'));
  try {
    const file = path.join(folder, 'pgpass');
    const [source] = parseConfig({
      file: path.join(folder, 'holdfast.yaml'),
      text: `repository: { location: r, key: { key-file: k } }
sources: { main: { engine: postgres, host: db1 } }`,
    }).sources;
    const read = (environment: Record<string, string>) =>
      readPassword({ source: source!, endpoint: tcp, database: 'replication', host, environment });

    assert.deepEqual(await read({ HOME: folder }), { value: undefined, warnings: [] });
    assert.equal((await read({ PGPASSFILE: file })).warnings.length, 1);

    await writeFile(file, 'db1:5432:replication:holdfast:secret\n');
    await chmod(file, 0o600);
    assert.deepEqual(await read({ PGPASSFILE: file }), { value: 'secret', warnings: [] });
    await chmod(file, 0o640);
    const { value, warnings } = await read({ PGPASSFILE: file });
    assert.equal(value, undefined);
    assert.deepEqual(warnings[0]!.hint, `chmod 600 ${file}`);
  } finally {
    await rm(folder, { recursive: true });
  }
});
