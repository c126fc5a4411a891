import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Endpoint, KeySource } from './config.ts';
import { parseConfig } from './parse-config.ts';
import { writeConfig } from './write-config.ts';

const file = '/srv/holdfast.yaml';

test('a written configuration reads back, whatever the names', () => {
  const text = fc.string({ minLength: 1, unit: 'grapheme' }).filter((s) => !s.startsWith('~'));
  const folder = text.map((s) => `/${s.replaceAll('/', '_')}`).filter((s) => !/^\/\.\.?$/.test(s));
  const shaped = <T>(model: { [K in keyof T]: fc.Arbitrary<T[K]> }) =>
    fc.record(model, { noNullPrototype: true });
  const port = fc.integer({ min: 1, max: 65535 });
  const endpoint: fc.Arbitrary<Endpoint> = fc.oneof(
    shaped({ kind: fc.constant('tcp' as const), host: fc.domain(), port }),
    shaped({ kind: fc.constant('socket' as const), directory: folder, port }),
  );
  const key: fc.Arbitrary<KeySource> = fc.oneof(
    shaped({ kind: fc.constant('key-file' as const), path: folder }),
    shaped({ kind: fc.constant('passphrase-file' as const), path: folder }),
    fc.constant({ kind: 'passphrase-env' as const, name: 'HOLDFAST_PASSPHRASE' }),
  );
  fc.assert(
    fc.property(folder, key, fc.array(endpoint, { minLength: 1 }), text, text, (...given) => {
      const [location, secret, hosts, user, database] = given;
      const source = { name: 'main', hosts, user, database };
      const config = parseConfig({ file, text: writeConfig({ location, key: secret, source }) });
      assert.equal(config.repository.location, location);
      assert.deepEqual(config.repository.key, secret);
      assert.deepEqual(config.sources[0]!.hosts, hosts);
      assert.equal(config.sources[0]!.user, user);
      assert.equal(config.sources[0]!.database, database);
      assert.equal(config.sources[0]!.follow!.journal, `${location}-journal/main`);
    }),
  );
});

test('the password is named, never written', () => {
  const text = writeConfig({
    location: '/r',
    key: { kind: 'key-file', path: '/k' },
    source: {
      name: 'main',
      hosts: [{ kind: 'tcp', host: '10.0.0.1', port: 5432 }],
      user: 'holdfast',
      database: 'postgres',
      password: { kind: 'env', value: 'DB_PASSWORD' },
    },
  });
  const { sources } = parseConfig({ file, text });
  assert.deepEqual(sources[0]!.password, { kind: 'env', name: 'DB_PASSWORD' });
  assert.deepEqual(sources[0]!.hosts, [{ kind: 'tcp', host: '10.0.0.1', port: 5432 }]);
});
