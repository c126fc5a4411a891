import assert from 'node:assert/strict';
import test from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { testEachMajor } from '../../../../test/support/majors.ts';
import { startPostgres, type TestPostgres } from '../../../../test/support/postgres.ts';
import { isHoldfastError } from '../../../errors/holdfast-error.ts';
import { machine } from '../../../host/host.ts';
import { lsn, parseLsn } from '../lsn.ts';
import type { JournalPosition } from './journal-recovery.ts';
import { type SlotEvent, SlotKeeper, type SlotKeeperOptions } from './slot-keeper.ts';
import { flushed } from './testing/following.ts';

const NAME = 'holdfast_main';

async function keeper(server: TestPostgres, options: Partial<SlotKeeperOptions> = {}) {
  await server.sql(
    'do $$ begin create role keeper login replication; exception when duplicate_object then null; end $$',
  );
  const events: SlotEvent[] = [];
  const kept = new SlotKeeper({
    host: machine,
    source: {
      host: server.socketDir,
      port: server.port,
      user: 'keeper',
      database: 'postgres',
      applicationName: 'holdfast_slot',
    },
    slot: NAME,
    uploaded: () => undefined,
    onEvent: (event) => events.push(event),
    ...options,
  });
  return { kept, events };
}

const restartLsn = async (server: TestPostgres) =>
  parseLsn(
    await server.value(`select restart_lsn from pg_replication_slots where slot_name = '${NAME}'`),
  );

testEachMajor(
  'a role with REPLICATION alone creates the slot and moves it to what is uploaded, never beyond',
  async (major) => {
    await using server = await startPostgres({ major });
    await server.sql('create table t (a text)');
    let uploaded: JournalPosition | undefined;
    const { kept, events } = await keeper(server, { uploaded: () => uploaded });
    await kept.once();
    assert.deepEqual(
      events.map(({ kind }) => kind),
      ['slot-created', 'slot'],
    );
    const created = await restartLsn(server);
    assert.equal(kept.state!.restartLsn, created);

    await server.sql("insert into t select repeat('x', 500) from generate_series(1, 3000)");
    await kept.once();
    assert.equal(await restartLsn(server), created, 'nothing was uploaded');
    assert.ok(kept.state!.retainedBytes > 1_000_000n);

    uploaded = { timeline: 1, lsn: lsn(created + 4096n) };
    await kept.once();
    assert.equal(await restartLsn(server), uploaded.lsn);
    uploaded = { timeline: 1, lsn: created };
    await kept.once();
    assert.equal(await restartLsn(server), created + 4096n, 'never backwards');
    uploaded = { timeline: 2, lsn: await flushed(server) };
    await kept.once();
    assert.equal(await restartLsn(server), created + 4096n, 'another timeline moves nothing');
  },
);

test('a slot that the server gave up is told, and created again', async () => {
  await using server = await startPostgres({
    major: 18,
    initdb: ['--wal-segsize=1'],
    settings: { max_slot_wal_keep_size: '2MB', max_wal_size: '2MB', min_wal_size: '2MB' },
  });
  await server.sql('create table t (a text)');
  const { kept, events } = await keeper(server);
  await kept.once();
  for (let round = 0; round < 8; round++) {
    await server.sql(
      "insert into t select repeat('x', 500) from generate_series(1, 1500); select pg_switch_wal()",
    );
  }
  await server.sql('checkpoint');
  const state = await kept.once();
  const lost = events.find(({ kind }) => kind === 'slot-lost');
  assert.ok(lost?.kind === 'slot-lost' && lost.error.code === 'WAL_SLOT_LOST');
  assert.equal(state.status, 'reserved');
});

test('a quiet slot is touched, or idle_replication_slot_timeout would invalidate it', async () => {
  await using server = await startPostgres({ major: 18 });
  const { kept } = await keeper(server);
  await kept.once();
  const since = `select inactive_since from pg_replication_slots where slot_name = '${NAME}'`;
  const before = await server.value(since);
  await sleep(20);
  await kept.once();
  assert.notEqual(await server.value(since), before);
});

test('it is kept over a failover: the new primary gets the slot', async () => {
  await using first = await startPostgres({ major: 18 });
  await using second = await first.makeStandby();
  const { events } = await keeper(first);
  await first.waitForReplay(second);
  const stop = new AbortController();
  const both = new SlotKeeper({
    host: machine,
    source: {
      host: first.socketDir,
      port: first.port,
      otherHosts: [{ host: second.socketDir, port: second.port }],
      user: 'keeper',
      database: 'postgres',
      applicationName: 'holdfast_slot',
    },
    slot: NAME,
    uploaded: () => undefined,
    onEvent: (event) => events.push(event),
    intervalMs: 50,
    maxRetryMs: 100,
  });
  const running = both.run(stop.signal);
  try {
    const until = async (reached: () => boolean) => {
      for (let tries = 0; !reached(); tries++) {
        assert.ok(tries < 400, 'not in time');
        await sleep(25);
      }
    };
    const created = () => events.filter(({ kind }) => kind === 'slot-created').length;
    await until(() => created() === 1);
    await first.kill9();
    await until(() => events.some(({ kind }) => kind === 'slot-unreachable'));
    await second.promote();
    await until(() => created() === 2);
    assert.equal(
      await second.value(`select count(*) from pg_replication_slots where slot_name = '${NAME}'`),
      '1',
    );
  } finally {
    stop.abort();
    await running;
  }
});

test('names and slots of something else are refused', async () => {
  await using server = await startPostgres({ major: 18 });
  const { kept } = await keeper(server, { slot: "a'b" });
  await assert.rejects(kept.once(), (error) => isHoldfastError(error, 'WAL_SLOT_NAME'));
});
