import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { isHoldfastError } from '../errors/holdfast-error.ts';
import { machine as host } from '../host/host.ts';
import { chooseSource, configFile, loadConfig } from './load-config.ts';
import { parseConfig } from './parse-config.ts';

test('--config comes before HOLDFAST_CONFIG, which comes before ./holdfast.yaml', () => {
  const directory = '/work';
  const environment = { HOLDFAST_CONFIG: 'env.yaml' };
  assert.equal(configFile({ named: 'a.yaml', environment, directory }), '/work/a.yaml');
  assert.equal(configFile({ environment, directory }), '/work/env.yaml');
  assert.equal(configFile({ environment: {}, directory }), '/work/holdfast.yaml');
  assert.equal(configFile({ named: '/etc/h.yaml', environment, directory }), '/etc/h.yaml');
});

test('a file that is absent, unreadable or not text says which', async () => {
  const folder = await mkdtemp(path.join(tmpdir(), 'holdfast-load-'));
  try {
    const file = path.join(folder, 'holdfast.yaml');
    await assert.rejects(
      loadConfig({ file, host }),
      (error) => isHoldfastError(error, 'CONFIG_ABSENT') && error.hint.includes('holdfast init'),
    );
    await assert.rejects(loadConfig({ file: folder, host }), (error) =>
      isHoldfastError(error, 'CONFIG_UNREADABLE'),
    );
    await writeFile(file, Buffer.from([0x61, 0xff, 0xfe]));
    await assert.rejects(loadConfig({ file, host }), (error) =>
      isHoldfastError(error, 'CONFIG_INVALID'),
    );
  } finally {
    await rm(folder, { recursive: true });
  }
});

test('a command without a source takes the only one, else asks for a name', () => {
  const config = (names: readonly string[]) =>
    parseConfig({
      file: '/h.yaml',
      text: `repository: { location: r, key: { key-file: k } }
sources: { ${names.map((name) => `${name}: { engine: postgres, host: h }`).join(', ')} }`,
    });
  const command = 'holdfast backup';
  assert.equal(chooseSource({ config: config(['one']), command }).name, 'one');
  assert.equal(chooseSource({ config: config(['one', 'two']), name: 'two', command }).name, 'two');
  assert.throws(
    () => chooseSource({ config: config(['one', 'two']), command }),
    (error) =>
      isHoldfastError(error, 'SOURCE_UNNAMED') && error.hint.includes('holdfast backup one'),
  );
  assert.throws(
    () => chooseSource({ config: config(['main']), name: 'mian', command }),
    (error) =>
      isHoldfastError(error, 'SOURCE_UNKNOWN') && error.message.includes('did you mean main'),
  );
});
