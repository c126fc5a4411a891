import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { testEachMajor } from '../../../../test/support/majors.ts';
import { sharedPostgres, type TestPostgres } from '../../../../test/support/postgres.ts';
import { formatLsn, lsn } from '../lsn.ts';
import { type ConnectOptions, connect } from './connect.ts';
import type { Connection } from './connection.ts';
import { identifySystem } from './replication.ts';

const shared = sharedPostgres();

const open = (server: TestPostgres, options: Partial<ConnectOptions> = {}): Promise<Connection> =>
  connect({
    host: server.host,
    port: server.port,
    user: 'postgres',
    applicationName: 'test',
    ...options,
  });

/** Resolves once the server sees so many sessions asleep. */
async function sleepers(server: TestPostgres, wanted: number): Promise<void> {
  const count = `select count(*) from pg_stat_activity
                  where query = 'select pg_sleep(60)' and state = 'active'`;
  for (let waited = 0; (await server.value(count)) !== String(wanted); waited++) {
    assert.ok(waited < 1_000, `not ${wanted} within 20 s`);
    await sleep(20);
  }
}

testEachMajor('queries, their results and their errors', async (major) => {
  const server = await shared(major);
  await using connection = await open(server);
  assert.equal(Math.floor(connection.serverVersionNum / 10_000), major);
  assert.deepEqual(await connection.query(`select 1 as a, null::text as b, 'ä' as c; select 2`), [
    { columns: ['a', 'b', 'c'], rows: [['1', null, 'ä']], tag: 'SELECT 1' },
    { columns: ['?column?'], rows: [['2']], tag: 'SELECT 1' },
  ]);
  assert.deepEqual(await connection.query(''), []);
  assert.deepEqual(await connection.query('create table made (id int)'), [
    { columns: [], rows: [], tag: 'CREATE TABLE' },
  ]);
  const notices: string[] = [];
  await connection.query(`do $$ begin raise notice 'hear'; end $$`, {
    notice: ({ severity, message }) => notices.push(`${severity} ${message}`),
  });
  assert.deepEqual(notices, ['NOTICE hear']);
  await assert.rejects(connection.query('select 1; select 1/0'), {
    code: 'POSTGRES_REFUSED',
    message: /22012.*division by zero/,
  });
  assert.equal((await connection.query('select 3'))[0]?.rows[0]?.[0], '3', 'still usable');
  const big = 3_000_000;
  const [long] = await connection.query(`select repeat('x', ${big})`);
  assert.equal(long?.rows[0]?.[0]?.length, big);
});

testEachMajor('errors of the server are told apart', async (major) => {
  const server = await shared(major);
  await using connection = await open(server, { replication: 'database', database: 'postgres' });
  const rejects = async (sql: string, expected: object) => {
    await assert.rejects(connection.query(sql), expected);
  };
  await rejects('DROP_REPLICATION_SLOT ghost', { code: 'POSTGRES_OBJECT_ABSENT', kind: 'absent' });
  await rejects(`set statement_timeout = 20; select pg_sleep(5)`, { code: 'POSTGRES_CANCELLED' });
  await server.sql(`set role pg_monitor; reset role; create role weak login`);
  await using weak = await open(server, { user: 'weak', database: 'postgres' });
  await assert.rejects(weak.query('show data_directory'), {
    code: 'POSTGRES_PRIVILEGE',
    hint: /GRANT pg_monitor TO "weak"/,
  });
  await connection.query('CREATE_REPLICATION_SLOT s PHYSICAL');
  await rejects('CREATE_REPLICATION_SLOT s PHYSICAL', { code: 'POSTGRES_OBJECT_EXISTS' });
});

testEachMajor('a call never hangs: whoever ends the connection', async (major) => {
  const server = await shared(major);
  {
    await using connection = await open(server);
    const sleeping = connection.query('select pg_sleep(60)');
    const ended = assert.rejects(sleeping, { code: 'POSTGRES_SHUTTING_DOWN', kind: 'transient' });
    await sleepers(server, 1);
    await server.sql(
      `select pg_terminate_backend(pid) from pg_stat_activity where query like '%sleep(60)'`,
    );
    await ended;
    assert.equal(connection.open, false);
    await assert.rejects(connection.query('select 1'), { kind: 'transient' });
  }
  {
    await using connection = await open(server);
    await server.sql(
      `select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'test'`,
    );
    for (let waited = 0; connection.open && waited < 1_000; waited++) await sleep(10);
    await assert.rejects(connection.query('select 1'), { code: 'POSTGRES_SHUTTING_DOWN' });
  }
  {
    await using connection = await open(server);
    const sleeping = connection.query('select pg_sleep(60)');
    const ended = assert.rejects(sleeping, /the session was closed/);
    await connection.close();
    await ended;
  }
  await using connection = await open(server);
  const sleeping = connection.query('select pg_sleep(60)');
  const ended = assert.rejects(sleeping, { kind: 'transient' });
  await server.kill9();
  await ended;
});

testEachMajor('an abort rejects with its reason and stops the server side too', async (major) => {
  const server = await shared(major);
  await using connection = await open(server);
  const controller = new AbortController();
  const { signal } = controller;
  const reason = new Error('enough');
  const sleeping = assert.rejects(connection.query('select pg_sleep(60)', { signal }), reason);
  await sleepers(server, 1);
  controller.abort(reason);
  await sleeping;
  await sleepers(server, 0);
});

testEachMajor('COPY IN, and a source that fails in the middle of one', async (major) => {
  const server = await shared(major);
  await using connection = await open(server);
  await connection.query('create table t (id int)');
  const lines = function* (count: number) {
    for (let n = 0; n < count; n++) yield Buffer.from(`${n}\n`);
  };
  const [copied] = await connection.copyIn('copy t from stdin', lines(50_000));
  assert.equal(copied?.tag, 'COPY 50000');
  const broken = async function* () {
    yield Buffer.from('1\n');
    throw new Error('the source broke');
  };
  await assert.rejects(connection.copyIn('copy t from stdin', broken()), /the source broke/);
  await assert.rejects(connection.copyIn('copy ghost from stdin', lines(5)), /ghost/);
  await assert.rejects(connection.copyIn('copy t from stdin', [Buffer.from('x\n')]), /22P02/);
  const [count] = await connection.query('select count(*) from t');
  assert.equal(count?.rows[0]?.[0], '50000');
});

testEachMajor('COPY OUT is held back while paused', async (major) => {
  const server = await shared(major);
  for (const host of [server.host, server.socketDir]) {
    await using connection = await open(server, { host });
    let bytes = 0;
    let pauses = 0;
    let paused = false;
    const row = 'x'.repeat(1000);
    await connection.exchange(`copy (select '${row}' from generate_series(1, 20000)) to stdout`, {
      data: (payload) => {
        assert.equal(paused, false, 'nothing comes while paused');
        bytes += payload.length;
        if (bytes % (1001 * 2500) !== 0) return;
        paused = true;
        pauses++;
        connection.pause();
        setTimeout(() => {
          paused = false;
          connection.resume();
        }, 15);
      },
    });
    assert.equal(bytes, 1001 * 20_000);
    assert.equal(pauses, 8);
  }
});

testEachMajor('COPY BOTH streams the log, answers and ends', async (major) => {
  const server = await shared(major);
  await using connection = await open(server, { replication: true });
  const { position } = await identifySystem(connection);
  const start = formatLsn(lsn(position - (position % (16n << 20n))));
  let received = 0;
  const wanted = Promise.withResolvers<void>();
  const stream = await connection.copyBoth(`START_REPLICATION PHYSICAL ${start} TIMELINE 1`, {
    data: (payload) => {
      if (payload[0] === 0x77) received += payload.length - 25;
      if (received > 1 << 20) wanted.resolve();
    },
  });
  assert.equal(stream.streaming, true);
  await server.sql('create table streamed as select generate_series(1, 50000) as id');
  await wanted.promise;
  stream.finish();
  const [end] = await stream.ended;
  assert.match(end?.tag ?? '', /COPY|START_STREAMING/);
  await identifySystem(connection);
  await assert.rejects(connection.copyBoth('START_REPLICATION PHYSICAL 0/0 TIMELINE 9', {}), {
    kind: /usage|absent|transient/,
  });
});

testEachMajor('a stream cut by the death of the server rejects', async (major) => {
  const server = await shared(major);
  await using connection = await open(server, { replication: true });
  const { position } = await identifySystem(connection);
  const stream = await connection.copyBoth(
    `START_REPLICATION PHYSICAL ${formatLsn(position)} TIMELINE 1`,
    {},
  );
  const ended = assert.rejects(stream.ended, { kind: 'transient' });
  await server.kill9();
  await ended;
});
