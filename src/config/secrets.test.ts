import assert from 'node:assert/strict';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { isHoldfastError } from '../errors/holdfast-error.ts';
import { machine as host } from '../host/host.ts';
import { readSecret, readUnlock } from './secrets.ts';

let folder: string;
before(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'holdfast-secrets-'));
});
after(() => rm(folder, { recursive: true }));

async function written(name: string, text: string, mode = 0o600): Promise<string> {
  const file = path.join(folder, name);
  await writeFile(file, text);
  await chmod(file, mode);
  return file;
}

const purpose = 'password of source main';

test('a secret file loses one line end and nothing else', async () => {
  for (const [text, value] of [
    ['pa ss\n', 'pa ss'],
    ['p\r\n', 'p'],
    [' p \n\n', ' p \n'],
    ['p', 'p'],
  ] as const) {
    const place = { kind: 'file' as const, path: await written('one', text) };
    const secret = await readSecret({ place, purpose, host, environment: {} });
    assert.deepEqual(secret, { value, warnings: [] });
  }
});

test('a secret file that everybody can read is used, with a warning and its cure', async () => {
  const place = { kind: 'file' as const, path: await written('open', 'p', 0o644) };
  const { warnings } = await readSecret({ place, purpose, host, environment: {} });
  assert.equal(warnings.length, 1);
  assert.match(warnings[0]!.message, /Every user .* password of source main/);
  assert.equal(warnings[0]!.hint, `chmod 600 ${place.path}`);
});

test('a missing, unset or empty secret says which', async () => {
  const absent = { kind: 'file' as const, path: path.join(folder, 'absent') };
  const empty = { kind: 'file' as const, path: await written('empty', '\n') };
  const env = { kind: 'env' as const, name: 'HF_X' };
  const common = { purpose, host };
  const code = (expected: string) => (error: unknown) =>
    isHoldfastError(error) && error.code === expected && error.kind === 'denied';
  await assert.rejects(
    readSecret({ ...common, place: absent, environment: {} }),
    code('SECRET_UNREADABLE'),
  );
  await assert.rejects(
    readSecret({ ...common, place: empty, environment: {} }),
    code('SECRET_EMPTY'),
  );
  await assert.rejects(
    readSecret({ ...common, place: env, environment: {} }),
    code('SECRET_UNSET'),
  );
  await assert.rejects(
    readSecret({ ...common, place: env, environment: { HF_X: '' } }),
    code('SECRET_EMPTY'),
  );
});

test('what unlocks the repository', async () => {
  const environment = { HF_PASS: 'correct horse' };
  const fromEnv = await readUnlock({
    key: { kind: 'passphrase-env', name: 'HF_PASS' },
    host,
    environment,
  });
  assert.deepEqual(fromEnv.value, { kind: 'passphrase', passphrase: 'correct horse' });

  const bytes = Buffer.alloc(32, 7);
  const key = {
    kind: 'key-file' as const,
    path: await written('key', `${bytes.toString('base64')}\n`),
  };
  assert.deepEqual((await readUnlock({ key, host, environment })).value, {
    kind: 'key-file',
    key: bytes,
  });

  for (const text of ['not base64 at all!', Buffer.alloc(31).toString('base64')]) {
    const bad = { kind: 'key-file' as const, path: await written('bad', text) };
    await assert.rejects(
      readUnlock({ key: bad, host, environment }),
      (error: unknown) =>
        isHoldfastError(error, 'SECRET_MALFORMED') && !error.message.includes(text),
    );
  }
});
