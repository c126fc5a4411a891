import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { freePort } from '../../test/support/free-port.ts';
import { testEachMajor } from '../../test/support/majors.ts';
import { startPostgres } from '../../test/support/postgres.ts';
import { removeTemporary, temporaryDirectory } from '../../test/support/temporary.ts';
import { openSession } from '../capture/source.ts';
import { parseConfig } from '../config/parse-config.ts';
import { machine } from '../host/host.ts';
import { configuredSource } from './configured-source.ts';

function sourceConfig(section: string) {
  const text = `repository: { location: /r, key: { key-file: /k } }
sources: { main: { engine: postgres, user: postgres, ${section} } }`;
  const [config] = parseConfig({ file: '/h.yaml', text }).sources;
  if (!config) throw new Error('no source');
  return config;
}

testEachMajor(
  'each of several hosts has its own line of the password file',
  async (major) => {
    await using postgres = await startPostgres({
      major,
      auth: 'scram-sha-256',
      password: 'of the second',
    });
    const nobody = await freePort();
    const directory = temporaryDirectory();
    const passwords = join(directory, 'pgpass');
    const lines = [`*:${nobody}:*:*:of the first`, `*:${postgres.port}:*:*:of the second`];
    writeFileSync(passwords, lines.join('\n'), { mode: 0o600 });
    const hosts = [nobody, postgres.port].map((port) => `{ host: 127.0.0.1, port: ${port} }`);
    const source = configuredSource({
      context: { host: machine, environment: { PGPASSFILE: passwords } },
      config: sourceConfig(`hosts: [${hosts.join(', ')}], tls: { mode: disable }`),
    });
    await using session = await openSession(source, { applicationName: 'test' });
    assert.equal(session.peer.address, `127.0.0.1:${postgres.port}`);
    removeTemporary(directory);
  },
  { from: 18 },
);

test('a TLS file that cannot be read is named', async () => {
  const source = configuredSource({
    context: { host: machine, environment: {} },
    config: sourceConfig('host: db1, tls: { mode: verify-full, ca-file: /nowhere/ca.pem }'),
  });
  await assert.rejects(source.reach({ physical: false }), {
    code: 'TLS_FILE_UNREADABLE',
    kind: 'denied',
    message: /^tls\.ca-file of source main cannot be read from \/nowhere\/ca\.pem: ENOENT/,
  });
});

test('a password file that is ignored is told once', async () => {
  const directory = temporaryDirectory();
  const passwords = join(directory, 'pgpass');
  writeFileSync(passwords, '*:*:*:*:open to all', { mode: 0o644 });
  const told: string[] = [];
  const source = configuredSource({
    context: { host: machine, environment: { PGPASSFILE: passwords } },
    config: sourceConfig('hosts: [{ host: db1 }, { host: db2 }]'),
    onWarning: ({ message }) => told.push(message),
  });
  const { password } = await source.reach({ physical: true });
  await source.reach({ physical: false });
  assert.equal(password, undefined);
  assert.equal(told.length, 1);
  removeTemporary(directory);
});
