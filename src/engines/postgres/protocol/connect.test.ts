import assert from 'node:assert/strict';
import type net from 'node:net';
import { test } from 'node:test';
import { freePort } from '../../../../test/support/free-port.ts';
import { testEachMajor } from '../../../../test/support/majors.ts';
import { startPostgres } from '../../../../test/support/postgres.ts';
import { type ConnectOptions, connect } from './connect.ts';
import { falseServer, int32, message } from './testing/false-server.ts';

const attempt = (options: Partial<ConnectOptions> & { readonly port: number }) =>
  connect({
    host: '127.0.0.1',
    user: 'postgres',
    applicationName: 'test',
    tls: { mode: 'disable' },
    ...options,
  });

const onData = (answer: (socket: net.Socket) => void) => (socket: net.Socket) => {
  socket.on('data', () => answer(socket));
};

const TRANSIENT = { code: 'POSTGRES_UNREACHABLE', kind: 'transient' };

test('nobody listens', async () => {
  await assert.rejects(attempt({ port: await freePort() }), TRANSIENT);
  await assert.rejects(attempt({ host: '/nowhere', port: 5432 }), TRANSIENT);
});

test('a server that never answers is given up in time, with or without TLS', async () => {
  await using silent = await falseServer(() => undefined);
  for (const mode of ['disable', 'prefer'] as const) {
    const begin = performance.now();
    await assert.rejects(
      attempt({ port: silent.port, connectTimeoutMs: 100, tls: { mode } }),
      TRANSIENT,
    );
    assert.ok(performance.now() - begin < 2_000);
  }
});

test('an abort ends a connection attempt with its reason', async () => {
  await using silent = await falseServer(() => undefined);
  const controller = new AbortController();
  const reason = new Error('changed my mind');
  setTimeout(() => controller.abort(reason), 30);
  const { signal } = controller;
  await assert.rejects(attempt({ port: silent.port, signal }), reason);
  await assert.rejects(attempt({ port: silent.port, signal }), reason);
});

test('something that is not PostgreSQL', async () => {
  await using web = await falseServer(
    onData((socket) => void socket.write('HTTP/1.1 400 Bad Request\r\n\r\n')),
  );
  await assert.rejects(attempt({ port: web.port }), { code: 'POSTGRES_PROTOCOL' });
  await assert.rejects(attempt({ port: web.port, tls: { mode: 'prefer' } }), {
    kind: /denied|corrupt/,
  });
});

test('a server that closes during startup', async () => {
  await using closing = await falseServer(onData((socket) => void socket.end()));
  for (const mode of ['disable', 'prefer'] as const) {
    await assert.rejects(attempt({ port: closing.port, tls: { mode } }), TRANSIENT);
  }
});

test('bytes slipped in before the TLS handshake are refused', async () => {
  await using injecting = await falseServer(
    onData(
      (socket) => void socket.write(Buffer.concat([Buffer.from('S'), message('R', int32(0))])),
    ),
  );
  await assert.rejects(attempt({ port: injecting.port, tls: { mode: 'require' } }), {
    code: 'POSTGRES_TLS_INTERRUPTED',
  });
});

test('an impostor that skips the last step of SCRAM is not believed', async () => {
  const offer = message('R', Buffer.concat([int32(10), Buffer.from('SCRAM-SHA-256\0\0')]));
  const ok = Buffer.concat([message('R', int32(0)), message('Z', 'I')]);
  let step = 0;
  await using impostor = await falseServer(
    onData((socket) => void socket.write(step++ === 0 ? offer : ok)),
  );
  await assert.rejects(attempt({ port: impostor.port, password: 'secret' }), {
    code: 'POSTGRES_SERVER_UNPROVEN',
    kind: 'denied',
  });
});

test('an authentication method nobody here speaks', async () => {
  await using kerberos = await falseServer(
    onData((socket) => void socket.write(message('R', int32(7)))),
  );
  await assert.rejects(attempt({ port: kerberos.port }), {
    code: 'POSTGRES_AUTHENTICATION_UNSUPPORTED',
  });
});

testEachMajor('several hosts and the role that is wanted', async (major) => {
  await using primary = await startPostgres({ major });
  await using standby = await primary.makeStandby();
  const dead = { host: '127.0.0.1', port: await freePort() };
  const both = { port: dead.port, otherHosts: [standby, primary] };
  const reached = async (options: Partial<ConnectOptions> & { readonly port: number }) => {
    await using connection = await attempt(options);
    const [set] = await connection.query('show port');
    return Number(set?.rows[0]?.[0]);
  };
  assert.equal(await reached(both), standby.port);
  assert.equal(await reached({ ...both, wantedRole: 'primary' }), primary.port);
  assert.equal(await reached({ ...both, wantedRole: 'standby' }), standby.port);
  const reversed = { port: primary.port, otherHosts: [standby] };
  assert.equal(await reached({ ...reversed, wantedRole: 'prefer-standby' }), standby.port);
  assert.equal(await reached({ port: primary.port, wantedRole: 'prefer-standby' }), primary.port);
  await using physical = await attempt({ ...reversed, wantedRole: 'standby', replication: true });
  assert.equal(physical.peer.address, `127.0.0.1:${standby.port}`);
  await assert.rejects(attempt({ port: primary.port, wantedRole: 'standby' }), {
    code: 'POSTGRES_NO_SUITABLE_HOST',
    message: /it is a primary/,
  });
});

testEachMajor(
  'too many connections are transient, and say what to raise',
  async (major) => {
    await using server = await startPostgres({
      major,
      settings: { max_wal_senders: '1', max_connections: '6', superuser_reserved_connections: '0' },
    });
    await using _only = await attempt({ port: server.port, replication: true });
    await assert.rejects(attempt({ port: server.port, replication: true }), {
      code: 'POSTGRES_TOO_MANY_CONNECTIONS',
      kind: 'transient',
      hint: /max_wal_senders/,
    });
  },
  { quick: [14, 16, 18] },
);
