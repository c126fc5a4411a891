import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import * as samples from '../../test/cli/result-samples.ts';
import { onlyDocument, runLine } from '../../test/cli/run-line.ts';
import { formatInstant } from '../content/instant.ts';
import { HoldfastError } from '../errors/holdfast-error.ts';
import type { Operations } from '../operations/contract.ts';
import { program } from './program.ts';
import type { Shell } from './shell.ts';

let directory: string;
before(async () => {
  directory = await mkdtemp(path.join(tmpdir(), 'holdfast-cli-'));
  const source = '{ engine: postgres, host: db1 }';
  const text = `repository: { location: store, key: { key-file: key } }\nsources: { main: ${source} }\n`;
  await writeFile(path.join(directory, 'holdfast.yaml'), text);
  await writeFile(path.join(directory, 'broken.yaml'), 'repository:\n  locaton: x\n');
});
after(() => rm(directory, { recursive: true }));

const holdfast = (argv: readonly string[], operations: Partial<Operations> = {}) =>
  runLine(argv, { directory, operations });

const everyCommand: readonly [argv: string[], operations: Partial<Operations>][] = [
  [['init'], { init: async () => samples.init }],
  [['backup', 'main'], { backup: async () => samples.backup }],
  [['follow'], { follow: async () => samples.follow }],
  [['restore', 'main', '--to', 'x'], { restore: async () => samples.restore }],
  [['verify'], { verify: async () => samples.verify }],
  [['list'], { list: async () => samples.list }],
  [['show', 'abcd'], { show: async () => samples.show }],
  [['window'], { window: async () => samples.window }],
  [['delete', 'abcd'], { deleteSnapshot: async () => samples.deleted }],
  [['doctor'], { doctor: async () => samples.doctor }],
  [['demo'], { demo: async () => samples.demo }],
  [['wal-push', 'f'], { walPush: async () => samples.walPush }],
  [['wal-fetch', 'n', 'f'], { walFetch: async () => samples.walFetch }],
  [['key', 'add', '--key-file', 'k'], { keyAdd: async () => samples.keyAdd }],
  [['key', 'list'], { keyList: async () => samples.keyList }],
];

for (const [argv, operations] of everyCommand) {
  const name = argv.filter((word) => /^[a-z-]{3,}$/.test(word) && word !== 'main').join(' ');

  test(`${name}: one JSON document with --json, a person's text without`, async () => {
    const json = await holdfast([...argv, '--json'], operations);
    assert.equal(onlyDocument(json.out).ok, true);
    assert.equal(json.err, '');
    assert.equal(json.code, 0);
    const text = await holdfast(argv, operations);
    assert.equal(text.code, 0);
    assert.doesNotMatch(text.out, /undefined|NaN|\[object/);
    assert.throws(() => JSON.parse(text.out || 'nothing is no document either'));
  });

  test(`${name}: an error is one JSON document with --json, two lines on stderr without`, async () => {
    const fail = async () => {
      throw new HoldfastError('STORE_FULL', { key: 'packs/x' });
    };
    const failing = Object.fromEntries(Object.keys(operations).map((key) => [key, fail]));
    const json = await holdfast(['--json', ...argv], failing);
    const { ok, error } = onlyDocument(json.out) as { ok: boolean; error: Record<string, string> };
    assert.equal(ok, false);
    assert.deepEqual(Object.keys(error), ['code', 'kind', 'message', 'hint']);
    assert.equal(error.code, 'STORE_FULL');
    assert.equal(json.err, '');
    assert.equal(json.code, name.startsWith('wal-fetch') ? 204 : 4);
    const text = await holdfast(argv, failing);
    assert.equal(text.out, '');
    assert.match(text.err, /^error \[STORE_FULL\]: .*\n {2}→ .*\n$/);
  });
}

test('every command has a summary, a description and examples that it can parse', async () => {
  const shell = { operations: {} } as unknown as Shell;
  const root = program(shell, { version: '0', written: [] });
  const commands = root.commands.flatMap((one) => [one, ...one.commands]);
  assert.ok(commands.length >= 16);
  for (const command of commands) {
    assert.ok(command.summary(), command.name());
    assert.ok(command.description().length > 40, command.name());
    const words = command.parent === root ? [command.name()] : ['key', command.name()];
    const { out, code } = await holdfast([...words, '--help']);
    assert.equal(code, 0);
    assert.match(out, /Examples:\n {2}\S/);
    assert.match(out, /--json/);
  }
});

test('without arguments: a short overview, not a wall', async () => {
  const { out, code } = await holdfast([]);
  assert.equal(code, 0);
  assert.ok(out.split('\n').length < 15);
  assert.match(out, /holdfast demo/);
});

test('--version', async () => {
  assert.deepEqual(await holdfast(['--version']), { code: 0, out: '1.2.3\n', err: '' });
});

const refusedLines: readonly [argv: string[], reason: RegExp][] = [
  [['bakcup'], /unknown command 'bakcup'.*Did you mean backup/i],
  [['backup', 'a', 'b'], /too many arguments/i],
  [['backup', '--fast'], /unknown option '--fast'/i],
  [['restore', 'main'], /required option '--to/i],
  [['restore', '--to', 'x'], /missing required argument 'source'/i],
  [['restore', 'main', '--to', 'x', '--latest', '--at', 'now'], /--at and --latest cannot/],
  [['restore', 'main', '--to', 'x', '--lsn', '12'], /--lsn must look like/],
  [['restore', 'main', '--to', 'x', '--xid', '2'], /--xid must be a whole number/],
  [['restore', 'main', '--to', 'x', '--snapshot', 'xyz!'], /hex digits/],
  [['restore', 'main', '--to', 'x', '--timeline', '0'], /--timeline must be/],
  [['restore', 'main', '--to', 'x', '--port', '5'], /--port is for --start/],
  [['restore', 'main', '--to', 'x', '--tablespace', 'a=b'], /--tablespace must be/],
  [['verify', '--level', 'V9'], /V1, V2, V3/],
  [['verify', 'abcd', '--all'], /Name a snapshot or say --all/],
  [['show', 'ab'], /4 to 32 hex digits/],
  [['key'], /only part of a command/],
  [['key', 'add'], /Say which: --key-file/],
  [['key', 'add', '--key-file', 'a', '--passphrase-env', 'B'], /Give one of/],
  [['init', '--host', 'a', '--socket', '/b'], /not both/],
  [['init', '--port', 'x'], /--port must be a whole number/],
];

for (const [argv, reason] of refusedLines) {
  test(`refused with exit code 2: holdfast ${argv.join(' ')}`, async () => {
    const text = await holdfast(argv);
    assert.equal(text.code, 2);
    assert.equal(text.out, '');
    assert.match(text.err, reason);
    assert.match(text.err, /\n {2}→ See holdfast.* --help/);
    const json = await holdfast([...argv, '--json']);
    assert.equal(json.code, 2);
    assert.equal(json.err, '');
    const document = onlyDocument(json.out) as { error: { code: string } };
    assert.equal(document.error.code, 'CLI_USAGE');
  });
}

test('the configuration: named, absent, broken', async () => {
  const list = async () => samples.list;
  assert.equal((await holdfast(['list', '--config', 'holdfast.yaml'], { list })).code, 0);
  assert.equal((await holdfast(['-c', 'holdfast.yaml', 'list'], { list })).code, 0);
  const absent = await holdfast(['list', '--config', 'absent.yaml'], { list });
  assert.equal(absent.code, 3);
  assert.match(absent.err, /CONFIG_ABSENT.*absent\.yaml/);
  const broken = await holdfast(['list', '--config', 'broken.yaml'], { list });
  assert.equal(broken.code, 2);
  assert.match(broken.err, /broken\.yaml:2: unknown key "repository\.locaton"/);
});

test('restore is handed exactly what was asked', async () => {
  const asked: unknown[] = [];
  const restore: Operations['restore'] = async (_, request) => {
    asked.push(request);
    return samples.restore;
  };
  const words = ['restore', 'main', '--to', 'back'];
  await holdfast(words, { restore });
  const rest = ['--timeline', '3', '--start', '--port', '5499', '--despite-failed-verification'];
  const moved = ['--tablespace', '/a=/b', '--tablespace', '/c=d'];
  const at = ['--at', '2026-11-21T14:32:07Z', '--dry-run'];
  await holdfast(['restore', ...moved, 'main', '--to', 'back', ...at, ...rest], { restore });
  assert.deepEqual(asked, [
    {
      source: 'main',
      directory: path.join(directory, 'back'),
      target: { kind: 'latest' },
      asked: 'latest',
      start: false,
      dryRun: false,
      despiteFailedVerification: false,
      tablespaces: new Map(),
    },
    {
      source: 'main',
      directory: path.join(directory, 'back'),
      target: { kind: 'time', time: Date.UTC(2026, 10, 21, 14, 32, 7) * 1000 },
      asked: '2026-11-21T14:32:07Z',
      start: true,
      dryRun: true,
      despiteFailedVerification: true,
      timeline: 3,
      port: 5499,
      tablespaces: new Map([
        ['/a', '/b'],
        ['/c', path.join(directory, 'd')],
      ]),
    },
  ]);
});

test('every kind of target', async () => {
  const targets: unknown[] = [];
  const restore: Operations['restore'] = async (_, { target }) => {
    targets.push(target);
    return samples.restore;
  };
  for (const given of [
    ['--lsn', '1/A0'],
    ['--xid', '744'],
    ['--name', 'before the release'],
    ['--snapshot', 'ABCD12'],
    ['--latest'],
  ]) {
    await holdfast(['restore', 'main', '--to', 'x', ...given], { restore });
  }
  assert.deepEqual(targets, [
    { kind: 'lsn', lsn: 0x1_0000_00a0n },
    { kind: 'xid', xid: 744 },
    { kind: 'name', name: 'before the release' },
    { kind: 'snapshot', id: 'abcd12' },
    { kind: 'latest' },
  ]);
});

test('a negative span is a value, and an assumed time zone is said aloud', async () => {
  const times: string[] = [];
  const restore: Operations['restore'] = async (_, { target }) => {
    if (target.kind === 'time') times.push(formatInstant(target.time));
    return samples.restore;
  };
  const words = ['restore', 'main', '--to', 'x', '--at'];
  const span = await holdfast([...words, '-10m'], { restore });
  assert.equal(span.err, '');
  const local = await holdfast([...words, '2026-07-01 14:32:07'], { restore });
  assert.match(local.err, /2026-07-01 14:32:07 is read as 2026-07-01T14:32:07[+-]/);
  assert.equal(times.length, 2);
  assert.ok(Math.abs(Date.parse(times[0]!) - (Date.now() - 600_000)) < 10_000);
});

test('init takes a host as psql does: one that begins with a slash is a socket’s directory', async () => {
  const asked: unknown[] = [];
  const init: Operations['init'] = async (_context, { endpoint }) => {
    asked.push(endpoint);
    return samples.init;
  };
  for (const host of ['db1', '/run/postgresql']) await holdfast(['init', '--host', host], { init });
  assert.deepEqual(asked, [
    { kind: 'tcp', host: 'db1', port: 5432 },
    { kind: 'socket', directory: '/run/postgresql', port: 5432 },
  ]);
});
