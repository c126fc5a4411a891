import assert from 'node:assert/strict';
import { test } from 'node:test';
import { majors, testEachMajor } from '../../../../test/support/majors.ts';
import { startPostgres, type TestPostgres } from '../../../../test/support/postgres.ts';
import { type ConnectOptions, connect } from './connect.ts';
import { Certificates, SIGNATURES, type Signature } from './testing/certificates.ts';

/** The TLS version of a session, as the server sees it. */
async function answer(server: TestPostgres, options: Partial<ConnectOptions>): Promise<string> {
  await using connection = await connect({
    host: server.host,
    port: server.port,
    user: 'postgres',
    database: 'postgres',
    applicationName: 'test',
    ...options,
  });
  const [set] = await connection.query(
    `select coalesce((select version from pg_stat_ssl where pid = pg_backend_pid()), 'plain')`,
  );
  return set?.rows[0]?.[0] ?? '';
}

const disable = { mode: 'disable' } as const;
const require = { mode: 'require' } as const;

testEachMajor('authentication', async (major, context) => {
  using certificates = await Certificates.create(context);
  if (!certificates) return;
  certificates.issue('server', 'db.example', 'IP:127.0.0.1');
  const { ca } = certificates;
  await using server = await startPostgres({
    major,
    settings: certificates.settings('server'),
    hba: [
      'host all scram 127.0.0.1/32 scram-sha-256',
      'host all md5 127.0.0.1/32 md5',
      'host all clear 127.0.0.1/32 password',
      'hostssl all certified 127.0.0.1/32 cert',
      'host all nobody 127.0.0.1/32 reject',
    ],
  });
  const password = 'pässwörd\u00A0Ⅸ';
  await server.sql(`create role scram login password '${password}'; create role nobody login`);
  await server.sql(`create role clear login password 'secret'; create role certified login`);
  await server.sql(`set password_encryption = md5; create role md5 login password 'secret'`);

  await context.test('scram-sha-256, also with a password beyond ASCII', async () => {
    const scram = { user: 'scram', password };
    assert.equal(await answer(server, { ...scram, tls: disable }), 'plain');
    // SASLprep: a no-break space is a space, a compatibility character is its equivalent.
    assert.equal(await answer(server, { ...scram, password: 'pässwörd IX' }), 'TLSv1.3');
    const bound = { mode: 'require', channelBinding: 'require' } as const;
    assert.equal(await answer(server, { ...scram, tls: bound }), 'TLSv1.3');
    const wrong = { code: 'POSTGRES_WRONG_PASSWORD', kind: 'denied' };
    await assert.rejects(answer(server, { user: 'scram', password: 'wrong' }), wrong);
    await assert.rejects(answer(server, { user: 'scram', password: 'x', tls: disable }), wrong);
    await assert.rejects(answer(server, { user: 'scram' }), { code: 'POSTGRES_PASSWORD_MISSING' });
    const unbound = { mode: 'disable', channelBinding: 'require' } as const;
    await assert.rejects(answer(server, { ...scram, tls: unbound }), {
      code: 'POSTGRES_SERVER_UNPROVEN',
    });
  });

  await context.test('md5', async () => {
    assert.equal(await answer(server, { user: 'md5', password: 'secret', tls: disable }), 'plain');
    await assert.rejects(answer(server, { user: 'md5', password: 'wrong' }), {
      code: 'POSTGRES_WRONG_PASSWORD',
    });
  });

  await context.test('a password is never sent in clear text without TLS', async () => {
    const clear = { user: 'clear', password: 'secret' };
    assert.equal(await answer(server, clear), 'TLSv1.3');
    await assert.rejects(answer(server, { ...clear, tls: disable }), {
      code: 'POSTGRES_CLEARTEXT_REFUSED',
    });
  });

  await context.test('the TLS modes', async () => {
    const mode = (tls?: ConnectOptions['tls'], host = '127.0.0.1') =>
      answer(server, { host, ...(tls ? { tls } : {}) });
    assert.equal(await mode(), 'TLSv1.3', 'prefer is the default');
    assert.equal(await mode(disable), 'plain');
    assert.equal(await mode(require), 'TLSv1.3');
    assert.equal(await mode({ mode: 'verify-ca', ca }), 'TLSv1.3');
    assert.equal(await mode({ mode: 'verify-full', ca }), 'TLSv1.3');
    const untrusted = { code: 'POSTGRES_TLS_UNTRUSTED', kind: 'denied' };
    await assert.rejects(mode({ mode: 'verify-ca' }), untrusted, 'not the system’s authority');
    await assert.rejects(mode({ mode: 'verify-full', ca }, 'localhost'), untrusted, 'wrong name');
    assert.equal(await mode({ mode: 'verify-ca', ca }, 'localhost'), 'TLSv1.3');
    assert.equal(await mode(require, server.socketDir), 'plain');
  });

  await context.test('client certificates', async () => {
    const mine = certificates.issue('client', 'certified');
    const other = certificates.issue('other', 'somebody');
    const strange = certificates.selfSigned('strange', 'Ed25519');
    const present = (tls: object) =>
      answer(server, { user: 'certified', tls: { mode: 'require', ...tls } });
    assert.equal(await present(mine), 'TLSv1.3');
    await assert.rejects(present(other), { code: 'POSTGRES_ROLE_REFUSED' });
    await assert.rejects(present({}), { kind: 'denied' });
    await assert.rejects(present(strange), { code: 'POSTGRES_TLS_CLIENT_CERTIFICATE' });
  });

  await context.test('what pg_hba.conf refuses names the line that would allow it', async () => {
    await assert.rejects(answer(server, { user: 'nobody' }), {
      code: 'POSTGRES_HBA_REFUSED',
      hint: /host postgres nobody <address of this machine>\/32 scram-sha-256/,
    });
    await assert.rejects(answer(server, { user: 'ghost' }), { code: 'POSTGRES_ROLE_REFUSED' });
    await assert.rejects(answer(server, { database: 'ghost' }), {
      code: 'POSTGRES_DATABASE_ABSENT',
      kind: 'absent',
    });
    await assert.rejects(answer(server, { user: 'scram', password, replication: true }), {
      code: 'POSTGRES_REPLICATION_PRIVILEGE',
      hint: 'Run on the server as a superuser: ALTER ROLE "scram" REPLICATION;',
    });
  });
});

// As libpq documents sslmode: `prefer` goes on without TLS where pg_hba.conf refuses it with TLS,
// `allow` the other way round.
testEachMajor(
  'who may come only with TLS, or only without, comes either way',
  async (major, context) => {
    using certificates = await Certificates.create(context);
    if (!certificates) return;
    certificates.issue('server', 'db.example', 'IP:127.0.0.1');
    await using server = await startPostgres({
      major,
      settings: certificates.settings('server'),
      hba: [
        'hostnossl all plain 127.0.0.1/32 scram-sha-256',
        'hostssl all secure 127.0.0.1/32 scram-sha-256',
        'hostssl all certified 127.0.0.1/32 cert',
        'hostnossl all certified 127.0.0.1/32 trust',
        'hostssl all clear 127.0.0.1/32 password',
        'hostnossl all clear 127.0.0.1/32 password',
        'host all plain,secure,nobody 127.0.0.1/32 reject',
      ],
    });
    const roles = ['plain', 'secure', 'clear'].map(
      (role) => `create role ${role} login password 'secret'`,
    );
    await server.sql([...roles, 'create role certified login'].join('; '));
    const as = (user: string, tls?: ConnectOptions['tls'], password = 'secret') =>
      answer(server, { user, password, ...(tls && { tls }) });
    const allow = { mode: 'allow' } as const;

    assert.equal(await as('plain'), 'plain', 'prefer is the default');
    assert.equal(await as('secure'), 'TLSv1.3');
    assert.equal(await as('certified'), 'plain', 'it has no certificate to show');
    assert.equal(await as('plain', allow), 'plain');
    assert.equal(await as('secure', allow), 'TLSv1.3');
    assert.equal(await as('postgres', allow), 'plain');

    const refused = { code: 'POSTGRES_HBA_REFUSED' };
    await assert.rejects(as('plain', require), refused, 'nor is require ever without');
    await assert.rejects(as('secure', disable), refused);
    const bound = { mode: 'prefer', channelBinding: 'require' } as const;
    await assert.rejects(as('plain', bound), refused, 'a binding that is required needs TLS');
    await assert.rejects(as('nobody'), refused);
    const wrong = { code: 'POSTGRES_WRONG_PASSWORD' };
    await assert.rejects(as('plain', undefined, 'wrong'), wrong, 'the attempt that got further');
    await assert.rejects(as('secure', undefined, 'wrong'), wrong);
    await assert.rejects(as('secure', allow, 'wrong'), wrong);
    await assert.rejects(as('clear', undefined, 'wrong'), wrong, 'and nothing in clear text');

    await using connection = await connect({
      host: server.host,
      port: server.port,
      user: 'plain',
      password: 'secret',
      database: 'postgres',
      applicationName: 'test',
    });
    const asleep = connection.query('select pg_sleep(600)', { signal: AbortSignal.timeout(200) });
    await assert.rejects(asleep, { name: 'TimeoutError' });
    const running = `select count(*) from pg_stat_activity where query like '%sleep(600)' and state = 'active'`;
    while ((await server.value(running)) !== '0') await new Promise((go) => setTimeout(go, 20));
  },
  { quick: [14, 18] },
);

testEachMajor('a server without TLS', async (major) => {
  await using server = await startPostgres({ major });
  assert.equal(await answer(server, { tls: { mode: 'prefer' } }), 'plain');
  assert.equal(await answer(server, { tls: { mode: 'allow' } }), 'plain');
  await assert.rejects(answer(server, { user: 'ghost', tls: { mode: 'allow' } }), {
    code: 'POSTGRES_ROLE_REFUSED',
  });
  for (const mode of ['require', 'verify-ca', 'verify-full'] as const) {
    await assert.rejects(answer(server, { tls: { mode } }), { code: 'POSTGRES_TLS_REFUSED' });
  }
});

const newest = majors.at(-1)!;
for (const signature of Object.keys(SIGNATURES) as Signature[]) {
  test(`SCRAM is bound to a certificate of ${signature} [PostgreSQL ${newest}]`, async (context) => {
    using certificates = await Certificates.create(context);
    if (!certificates) return;
    certificates.selfSigned('server', signature);
    await using server = await startPostgres({
      major: newest,
      auth: 'scram-sha-256',
      password: 'secret',
      settings: certificates.settings('server'),
    });
    const bound = { ...require, channelBinding: 'require' } as const;
    const password = 'secret';
    if (signature !== 'Ed25519') {
      assert.equal(await answer(server, { password, tls: bound }), 'TLSv1.3');
      return;
    }
    // It names no hash: there is nothing to bind to (RFC 5929 §4.1).
    await assert.rejects(answer(server, { password, tls: bound }), {
      code: 'POSTGRES_SERVER_UNPROVEN',
    });
    assert.equal(await answer(server, { password, tls: require }), 'TLSv1.3');
  });
}
