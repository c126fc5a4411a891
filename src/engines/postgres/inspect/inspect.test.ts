import assert from 'node:assert/strict';
import { test } from 'node:test';
import { testEachMajor } from '../../../../test/support/majors.ts';
import {
  sharedPostgres,
  startPostgres,
  type TestPostgres,
} from '../../../../test/support/postgres.ts';
import { connect } from '../protocol/connect.ts';
import type { Connection } from '../protocol/connection.ts';
import { bytesOf, inspect } from './inspect.ts';
import { RECOVERY_SETTINGS } from './inspection.ts';

const shared = sharedPostgres();

async function session(
  server: TestPostgres,
  options: { readonly user?: string; readonly replication?: true | 'database' } = {},
): Promise<Connection> {
  return await connect({
    host: server.host,
    port: server.port,
    user: server.superuser,
    database: 'postgres',
    applicationName: 'inspect test',
    ...options,
  });
}

const codes = (hazards: readonly { readonly code: string }[]): string[] =>
  hazards.map(({ code }) => code);

testEachMajor('everything is known to a superuser', async (major) => {
  await using server = await startPostgres({ major, initdb: ['--wal-segsize=1'] });
  await server.sql(`select pg_create_physical_replication_slot('s', true)`);
  const location = await server.addTablespace('t');
  await using replication = await session(server, { replication: true });
  await using sql = await session(server);
  const found = await inspect({ replication, sql });
  assert.equal(
    found.systemIdentifier,
    await server.value('select system_identifier from pg_control_system()'),
  );
  assert.equal(Math.floor(found.serverVersionNum / 10_000), major);
  assert.equal(found.inRecovery, false);
  assert.equal(found.timeline, 1);
  assert.deepEqual(found.history, { timeline: 1, ancestors: [] });
  assert.equal(found.walSegmentSize, 1024 * 1024);
  assert.equal(found.blockSize, 8192);
  assert.equal(found.dataChecksums, major >= 18);
  assert.ok(Math.abs((found.clock ?? 0) / 1000 - Date.now()) < 10_000);
  assert.deepEqual(
    found.tablespaces?.map((space) => space.location),
    [location],
  );
  assert.ok(found.databases?.some(({ name, size }) => name === 'postgres' && (size ?? 0) > 1e6));
  assert.equal(found.slots?.[0]?.name, 's');
  assert.equal(found.slots?.[0]?.walStatus, 'reserved');
  assert.ok((found.slots?.[0]?.retainedBytes ?? -1) >= 0);
  assert.deepEqual(found.role, {
    name: 'postgres',
    superuser: true,
    replication: true,
    monitor: true,
  });
  assert.ok(found.control && found.control.catalogVersion > 202_000_000);
  assert.equal(found.summarizer?.running, major >= 17 ? false : undefined);
  for (const name of RECOVERY_SETTINGS) assert.match(found.settings[name] ?? '', /^\d+$/);
  assert.deepEqual(found.unknown, []);
  assert.ok(codes(found.hazards).includes('FSYNC_OFF'));
  assert.ok(codes(found.hazards).includes('SLOT_RETENTION_UNLIMITED'));
  assert.ok(!found.hazards.some(({ severity }) => severity === 'blocker'));
});

testEachMajor(
  'a role with nothing but REPLICATION learns all that capture needs',
  async (major) => {
    const server = await shared(major);
    await server.sql('create role keeper login replication');
    await using both = await session(server, { user: 'keeper', replication: 'database' });
    const found = await inspect({ replication: both });
    assert.equal(found.role?.monitor, false);
    assert.equal(found.databases?.length, 3);
    assert.ok(found.slots && found.control && found.archiver && found.clock);
    assert.deepEqual(found.unknown.map(({ fact }) => fact).sort(), [
      'setting config_file',
      'setting data_directory',
      'setting hba_file',
      'setting ident_file',
      'setting shared_preload_libraries',
      'setting unix_socket_directories',
    ]);
    assert.match(found.unknown[0]?.fix ?? '', /GRANT pg_monitor TO "keeper"/);
  },
);

testEachMajor('a physical session alone answers with settings and identity', async (major) => {
  const server = await shared(major);
  await using replication = await session(server, { replication: true });
  const found = await inspect({ replication });
  assert.match(found.systemIdentifier, /^\d{19}$/);
  assert.equal(found.settings.wal_level, 'replica');
  assert.equal(found.slots, undefined);
  assert.ok(found.unknown.some(({ fact }) => fact === 'slots'));
});

testEachMajor(
  'a role without REPLICATION is a blocker, with the statement that helps',
  async (major) => {
    const server = await shared(major);
    await server.sql('create role weak login');
    await using sql = await session(server, { user: 'weak' });
    const found = await inspect({ sql });
    const hazard = found.hazards.find(({ code }) => code === 'ROLE_WITHOUT_REPLICATION');
    assert.equal(hazard?.fix, 'ALTER ROLE "weak" REPLICATION;');
    assert.equal(hazard?.severity, 'blocker');
  },
);

testEachMajor('a promoted standby tells its history', async (major) => {
  await using primary = await startPostgres({ major });
  await using standby = await primary.makeStandby();
  await primary.waitForReplay(standby);
  {
    await using replication = await session(standby, { replication: 'database' });
    const found = await inspect({ replication });
    assert.equal(found.inRecovery, true);
    assert.equal(found.timeline, 1);
  }
  await standby.promote();
  await using replication = await session(standby, { replication: 'database' });
  const found = await inspect({ replication });
  assert.equal(found.inRecovery, false);
  assert.equal(found.timeline, 2);
  assert.equal(found.history?.ancestors[0]?.timeline, 1);
});

testEachMajor(
  'the ranges of WAL summaries are joined',
  async (major) => {
    await using server = await startPostgres({ major, settings: { summarize_wal: 'on' } });
    await server.sql('checkpoint');
    await server.sql('checkpoint');
    await using replication = await session(server, { replication: 'database' });
    const found = await inspect({ replication });
    assert.equal(found.summarizer?.running, true);
    assert.equal(found.summarizer?.covered.length, 1);
    assert.ok(!codes(found.hazards).includes('SUMMARIES_OFF'));
  },
  { from: 17 },
);

test('sizes are read as SHOW spells them', () => {
  assert.equal(bytesOf('16MB'), 16 * 1024 ** 2);
  assert.equal(bytesOf('1GB'), 1024 ** 3);
  assert.equal(bytesOf('8192'), 8192);
  assert.ok(Number.isNaN(bytesOf('many')));
});
