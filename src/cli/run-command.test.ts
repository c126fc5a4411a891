import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import * as samples from '../../test/cli/result-samples.ts';
import { onlyDocument, runLine } from '../../test/cli/run-line.ts';
import { HoldfastError } from '../errors/holdfast-error.ts';
import { machine } from '../host/host.ts';
import type { Operations } from '../operations/contract.ts';
import { Interruption } from './interruption.ts';

let directory: string;
before(async () => {
  directory = await mkdtemp(path.join(tmpdir(), 'holdfast-cli-'));
  const source = '{ engine: postgres, host: db1 }';
  const text = `repository: { location: store, key: { key-file: key } }\nsources: { main: ${source} }\n`;
  await writeFile(path.join(directory, 'holdfast.yaml'), text);
  await writeFile(path.join(directory, 'broken.yaml'), 'repository:\n  locaton: x\n');
});
after(() => rm(directory, { recursive: true }));

const holdfast = (
  argv: readonly string[],
  operations: Partial<Operations> = {},
  interruption?: Interruption,
) => runLine(argv, { directory, operations, ...(interruption && { interruption }) });

test('damage, problems and failed proofs are results with their own exit code', async () => {
  const verify = async () => ({ ...samples.verify, ok: false });
  const doctor = async () => ({ ...samples.doctor, ok: false });
  const demo = async () => ({ ...samples.demo, ok: false });
  for (const [argv, operations, code] of [
    ['verify', { verify }, 5],
    ['doctor', { doctor }, 8],
    ['demo', { demo }, 8],
  ] as const) {
    const json = await holdfast([argv, '--json'], operations);
    assert.equal(json.code, code);
    assert.equal(onlyDocument(json.out).ok, false);
  }
});

test('wal-fetch: only "not in the repository" may look absent to PostgreSQL', async () => {
  const words = ['wal-fetch', '000000010000000000000001', 'out'];
  const absent = async () => ({ name: 'x', status: 'absent' as const });
  assert.equal((await holdfast(words, { walFetch: absent })).code, 3);
  const noRepository = async () => {
    throw new HoldfastError('REPOSITORY_ABSENT', { location: '/x' });
  };
  assert.equal((await holdfast(words, { walFetch: noRepository })).code, 203);
  assert.equal((await holdfast([...words, '--config', 'absent.yaml'])).code, 203);
  assert.equal((await holdfast([...words, '--config', 'broken.yaml'])).code, 202);
  assert.equal((await holdfast(['wal-fetch', 'one'])).code, 202);
  assert.equal((await holdfast(['wal-fetch', 'a', 'b', '--nope'])).code, 202);
});

test('a stopped command aborts, says so and exits with 130 or 143', async () => {
  for (const [name, code] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const) {
    const interruption = new Interruption();
    const backup: Operations['backup'] = async ({ signal }) => {
      setImmediate(() => interruption.interrupt(name));
      await machine.clock.sleep(60_000, signal);
      return samples.backup;
    };
    const { code: exit, out } = await holdfast(['backup', '--json'], { backup }, interruption);
    assert.equal(exit, code);
    const { error } = onlyDocument(out) as { error: Record<string, string> };
    assert.equal(error.code, 'INTERRUPTED');
    assert.match(error.message!, new RegExp(name));
  }
});

test('follow that stops cleanly when asked to has succeeded', async () => {
  const interruption = new Interruption();
  const follow: Operations['follow'] = async ({ signal }) => {
    setImmediate(() => interruption.interrupt('SIGTERM'));
    await machine.clock.sleep(60_000, signal).catch(() => undefined);
    return samples.follow;
  };
  const { code, out } = await holdfast(['follow', '--json'], { follow }, interruption);
  assert.equal(code, 0);
  assert.equal(onlyDocument(out).ok, true);
});

test('warnings are in the document with --json, and on stderr with their hint without', async () => {
  const warnings = [{ message: 'The slot is unlimited.', hint: 'ALTER SYSTEM …' }];
  const list = async () => ({ ...samples.list, warnings });
  assert.deepEqual(
    onlyDocument((await holdfast(['list', '--json'], { list })).out).warnings,
    warnings,
  );
  const { err } = await holdfast(['list', '--quiet'], { list });
  assert.equal(err, 'warning: The slot is unlimited.\n  → ALTER SYSTEM …\n');
});

test('progress and notices: on stderr, and not at all with --quiet or --json', async () => {
  const backup: Operations['backup'] = async ({ onProgress, onNotice }) => {
    onProgress({ phase: 'Reading', done: 0, unit: 'bytes' });
    onNotice('This is a new cluster.');
    return samples.backup;
  };
  assert.equal((await holdfast(['backup'], { backup })).err, 'Reading\nThis is a new cluster.\n');
  assert.equal((await holdfast(['backup', '-q'], { backup })).err, '');
  assert.equal((await holdfast(['backup', '--json'], { backup })).err, '');
});

test('an unexpected error is a defect of ours, exit code 1', async () => {
  const list = async () => {
    throw new TypeError('x is not a function');
  };
  const { code, err } = await holdfast(['list'], { list });
  assert.equal(code, 1);
  assert.match(err, /^error \[INTERNAL\]: A defect in holdfast: x is not a function\n/);
});

test('the JSON of demo has the fields of its contract', async () => {
  const { out } = await holdfast(['demo', '--json'], { demo: async () => samples.demo });
  const document = onlyDocument(out);
  for (const field of [
    ...['ok', 'engine', 'version', 'commitsAcknowledged', 'commitsLost', 'proofLevel'],
    ...['snapshots', 'phases', 'restores'],
  ]) {
    assert.ok(field in document, field);
  }
});
