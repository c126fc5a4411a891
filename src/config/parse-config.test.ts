import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isHoldfastError } from '../errors/holdfast-error.ts';
import { parseConfig } from './parse-config.ts';

const file = '/etc/holdfast/holdfast.yaml';
const good = `repository:
  location: /var/lib/holdfast
  key: { passphrase-file: passphrase }
sources:
  main:
    engine: postgres
    host: db1
`;

function refused(text: string): { line: number; reason: string } {
  try {
    parseConfig({ file, text });
  } catch (error) {
    assert.ok(isHoldfastError(error, 'CONFIG_INVALID'), String(error));
    assert.equal(error.facts.file, file);
    assert.ok(error.message.startsWith(`${file}:${error.facts.line}: `));
    return { line: Number(error.facts.line), reason: String(error.facts.reason) };
  }
  return assert.fail('accepted');
}

test('the smallest file gets every default', () => {
  assert.deepEqual(parseConfig({ file, text: good }), {
    file,
    repository: {
      location: '/var/lib/holdfast',
      key: { kind: 'passphrase-file', path: '/etc/holdfast/passphrase' },
    },
    sources: [
      {
        name: 'main',
        engine: 'postgres',
        hosts: [{ kind: 'tcp', host: 'db1', port: 5432 }],
        user: 'holdfast',
        database: 'postgres',
        tls: { mode: 'prefer' },
        prefer: 'any',
        checkpoint: 'fast',
      },
    ],
  });
});

test('a full file keeps everything that was said', () => {
  const text = `
repository:
  location: ../store
  key: { key-file: /run/secrets/holdfast.key }
sources:
  main:
    engine: postgres
    hosts:
      - { host: db1, port: 5433 }
      - { socket: /var/run/postgresql }
    user: backup
    password-env: DB_PASSWORD
    database: app
    tls: { mode: verify-full, ca-file: ca.pem, cert-file: c.pem, key-file: k.pem }
    prefer: standby
    checkpoint: spread
    follow:
      slot: hf
      application-name: hf1
      durability: repository
      journal: /srv/journal
      upload-every: 1500ms
  other:
    engine: postgres
    socket: /tmp
    port: 5434
    password-file: pw
    follow: {}
`;
  const config = parseConfig({ file, text });
  assert.equal(config.repository.location, '/etc/store');
  assert.deepEqual(config.repository.key, { kind: 'key-file', path: '/run/secrets/holdfast.key' });
  const [main, other] = config.sources;
  assert.deepEqual(main, {
    name: 'main',
    engine: 'postgres',
    hosts: [
      { kind: 'tcp', host: 'db1', port: 5433 },
      { kind: 'socket', directory: '/var/run/postgresql', port: 5432 },
    ],
    user: 'backup',
    password: { kind: 'env', name: 'DB_PASSWORD' },
    database: 'app',
    tls: {
      mode: 'verify-full',
      caFile: '/etc/holdfast/ca.pem',
      certFile: '/etc/holdfast/c.pem',
      keyFile: '/etc/holdfast/k.pem',
    },
    prefer: 'standby',
    checkpoint: 'spread',
    follow: {
      slot: 'hf',
      applicationName: 'hf1',
      durability: 'repository',
      journal: '/srv/journal',
      uploadEveryMs: 1500,
    },
  });
  assert.deepEqual(other!.hosts, [{ kind: 'socket', directory: '/tmp', port: 5434 }]);
  assert.deepEqual(other!.password, { kind: 'file', path: '/etc/holdfast/pw' });
  assert.deepEqual(other!.follow, {
    slot: 'holdfast',
    applicationName: 'holdfast',
    durability: 'journal',
    journal: '/etc/store-journal/other',
    uploadEveryMs: 5000,
  });
});

test('malformed YAML names its line', () => {
  assert.equal(refused(good.replace('main:', 'main: {')).line, 6);
  assert.equal(refused(`${good}    host: db2\n`).line, 8);
  assert.match(refused(`${good}    host: db2\n`).reason, /unique/i);
  assert.equal(refused(`${good}---\n${good}`).line, 8);
  assert.equal(refused('').line, 1);
  assert.match(refused('\n# nothing\n').reason, /empty/);
});

const wrong: readonly [name: string, from: string, to: string, line: number, reason: RegExp][] = [
  [
    'unknown key',
    '    host: db1',
    '    hots: db1',
    7,
    /"sources\.main\.hots"; did you mean "host"/,
  ],
  ['unknown section', 'sources:', 'source:', 4, /"source"; did you mean "sources"/],
  ['unknown key of the key', 'passphrase-file', 'pass-file', 3, /"repository\.key\.pass-file"/],
  ['far-off key', '    host: db1', '    host: db1\n    zebra: 1', 8, /it can be engine, hosts/],
  ['missing', '  location: /var/lib/holdfast\n', '', 1, /repository\.location is missing/],
  ['s3', '/var/lib/holdfast', 's3://bucket/x', 2, /s3:\/\/…\) is not in this version/],
  ['home', '/var/lib/holdfast', '~/holdfast', 2, /begins with ~/],
  ['two keys', 'passphrase-file: passphrase', 'key-file: k, passphrase-env: P', 3, /exactly one/],
  ['no key', '{ passphrase-file: passphrase }', '{}', 3, /exactly one of passphrase-file/],
  [
    'passphrase itself',
    'passphrase-file: passphrase',
    'passphrase-env: "a b"',
    3,
    /not the secret/,
  ],
  ['engine', 'postgres', 'postgers', 6, /engine must be postgres; did you mean "postgres"\?/],
  ['no host', '    host: db1\n', '', 5, /sources\.main must have exactly one of hosts, host/],
  ['host and socket', 'host: db1', 'host: db1\n    socket: /tmp', 5, /exactly one of hosts/],
  ['port', 'host: db1', 'host: db1\n    port: 70000', 8, /port must be a port number/],
  ['port text', 'host: db1', 'host: db1\n    port: five', 8, /port must be a number/],
  ['port of hosts', 'host: db1', 'hosts: [{ host: a }]\n    port: 1', 8, /inside each entry/],
  ['no hosts', 'host: db1', 'hosts: []', 7, /at least one host/],
  ['entry', 'host: db1', 'hosts:\n      - host: a\n      - prt: 1', 9, /did you mean "port"/],
  ['entry shape', 'host: db1', 'hosts:\n      - a', 8, /hosts\[0\] must be a section/],
  ['number as text', 'host: db1', 'host: db1\n    user: 12', 8, /user must be text.*"12"/],
  [
    'two passwords',
    'host: db1',
    'host: db1\n    password-file: a\n    password-env: A',
    9,
    /together/,
  ],
  [
    'tls',
    'host: db1',
    'host: db1\n    tls: { mode: verify-fulll }',
    8,
    /did you mean "verify-full"/,
  ],
  [
    'tls pair',
    'host: db1',
    'host: db1\n    tls: { cert-file: a }',
    8,
    /both cert-file and key-file/,
  ],
  ['unit', 'host: db1', 'host: db1\n    follow:\n      upload-every: 5', 9, /unit, such as 5s/],
  ['too small', 'host: db1', 'host: db1\n    follow: { upload-every: 1ms }', 8, /at least 100 ms/],
  ['list for duration', 'host: db1', 'host: db1\n    follow: { upload-every: [] }', 8, /duration/],
  ['slot', 'host: db1', 'host: db1\n    follow: { slot: Hold-Fast }', 8, /slot name/],
  ['source name', '  main:', '  Main DB:', 5, /"sources\.Main DB" is not a source name/],
  ['empty value', '/var/lib/holdfast', '', 2, /repository\.location is empty/],
  [
    'list of sources',
    '  main:\n    engine: postgres\n    host: db1',
    '  - a',
    4,
    /with names below/,
  ],
  ['password in the clear', 'host: db1', 'host: db1\n    password: x', 8, /unknown key/],
];

for (const [name, from, to, line, reason] of wrong) {
  test(`refused with its line: ${name}`, () => {
    const text = good.replace(from, () => to);
    assert.notEqual(text, good);
    const error = refused(text);
    assert.match(error.reason, reason);
    assert.equal(error.line, line);
  });
}

test('every problem is listed, in file order', () => {
  const text = good.replace('location', 'locatoin').replace('host: db1', 'hots: db1');
  const { line, reason } = refused(text);
  assert.equal(line, 2);
  assert.match(reason, /^unknown key "repository.locatoin"; did you mean "location"\?\n/);
  assert.match(reason, /:7: unknown key "sources.main.hots"/);
});
