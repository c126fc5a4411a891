import assert from 'node:assert/strict';
import { promises as fs } from 'node:fs';
import { join } from 'node:path';
import {
  errnoError,
  type FaultPlan,
  faultyFileSystem,
} from '../../../../test/doubles/faulty-file-system.ts';
import { testBinaries, testEachMajor } from '../../../../test/support/majors.ts';
import { startPostgres, type TestPostgres } from '../../../../test/support/postgres.ts';
import { machine } from '../../../host/host.ts';
import { connect } from '../protocol/connect.ts';
import {
  persistSettings,
  type RecoveryPlan,
  recoverySettings,
  requestRecovery,
} from './recovery-settings.ts';
import type { Server } from './server.ts';
import { type StartOptions, startServer } from './start-server.ts';

/** A copy of a small cluster, and an archive of what was written to the original afterwards. */
async function copyAndArchive(postgres: TestPostgres) {
  const archive = join(postgres.node.root, 'archive');
  await fs.mkdir(archive, { mode: 0o777 });
  await fs.chmod(archive, 0o777);
  await postgres.sql('CREATE TABLE entry (n int primary key)');
  await postgres.stop();
  const dataDir = await postgres.copyStopped();
  await postgres.start({ archive_mode: 'on', archive_command: `cp %p ${archive}/%f` });
  await postgres.sql('INSERT INTO entry VALUES (1)');
  await postgres.sql("SELECT pg_create_restore_point('after one')");
  const afterOne = await postgres.value('SELECT pg_current_wal_lsn()');
  await postgres.sql('INSERT INTO entry VALUES (2)');
  const xidOfTwo = await postgres.value('SELECT xmin FROM entry WHERE n = 2');
  await postgres.sql('SELECT pg_switch_wal()');
  await postgres.stop();
  return { dataDir, restoreCommand: `cp ${archive}/%f %p`, afterOne, xidOfTwo: Number(xidOfTwo) };
}

async function optionsFor(postgres: TestPostgres, dataDir: string): Promise<StartOptions> {
  const { binaries, user } = postgres.node;
  return { host: machine, dataDir, binaries, user, isolated: true };
}

async function query(server: Server, text: string): Promise<(string | null)[][]> {
  await using session = await connect({
    host: server.socketDir,
    port: server.port,
    user: 'postgres',
    applicationName: 'test',
  });
  const sets = await session.query(text);
  return (sets.at(-1)?.rows ?? []).map((row) => [...row]);
}

const denyPath =
  (path: string): FaultPlan =>
  (call) =>
    call.path === path ? { error: errnoError('EACCES'), effect: 'none' } : undefined;

const ENTRIES = 'SELECT n FROM entry ORDER BY n';

// Research §4.3 #38: a test restore pushed its timeline to production's archive.
testEachMajor(
  'trap 13: a restored server reaches nothing its configuration names',
  async (major) => {
    await using postgres = await startPostgres({ major });
    const { dataDir, restoreCommand } = await copyAndArchive(postgres);
    const escaped = join(postgres.node.root, 'archive', 'escaped');
    const touch = `touch ${escaped}`;
    const { user } = postgres.node;
    await persistSettings({
      host: machine,
      dataDir,
      user,
      settings: {
        archive_mode: 'on',
        archive_command: touch,
        archive_cleanup_command: touch,
        recovery_end_command: touch,
        restore_command: `${touch}; false`,
        primary_conninfo: 'host=192.0.2.1',
        primary_slot_name: 'production',
        synchronous_standby_names: '*',
        recovery_target_time: '2020-01-01 00:00:00+00',
        recovery_target_timeline: '7',
        recovery_min_apply_delay: '1h',
        listen_addresses: '*',
        port: '1',
        hba_file: '/nonexistent/pg_hba.conf',
        ident_file: '/nonexistent/pg_ident.conf',
        data_directory: '/nonexistent',
        external_pid_file: join(postgres.node.root, 'archive', 'pid'),
        logging_collector: 'on',
        log_directory: join(postgres.node.root, 'archive'),
      },
    });
    await fs.writeFile(join(dataDir, 'standby.signal'), '');
    await requestRecovery({ host: machine, dataDir, user });
    const plan: RecoveryPlan = {
      target: { kind: 'name', name: 'after one' },
      timeline: 1,
      action: 'promote',
      restoreCommand,
    };
    process.env.AWS_SECRET_ACCESS_KEY = 'of the repository';
    await using server = await startServer({
      ...(await optionsFor(postgres, dataDir)),
      settings: recoverySettings(plan),
      until: 'launched',
    });
    delete process.env.AWS_SECRET_ACCESS_KEY;
    assert.equal(await server.recovered(AbortSignal.timeout(60_000)), 'promoted');
    assert.deepEqual(await query(server, ENTRIES), [['1']]);
    await query(server, 'INSERT INTO entry VALUES (99); SELECT pg_switch_wal(); CHECKPOINT');
    const [sockets] = await query(server, 'SHOW listen_addresses');
    assert.deepEqual(sockets, ['']);
    const [archives] = await query(server, 'SHOW archive_mode');
    assert.deepEqual(archives, ['off']);
    const environment = await fs.readFile(`/proc/${server.pid}/environ`, 'utf8').catch(() => '');
    assert.ok(!environment.includes('SECRET'), 'nor is it told what opens the repository');
    await server.stop();
    const left = await fs.readdir(join(postgres.node.root, 'archive'));
    assert.deepEqual(
      left.filter((name) => !/^[0-9A-F]{24}/.test(name)),
      [],
    );
  },
);

testEachMajor(
  'recovery ends where each kind of target says, and tells',
  async (major) => {
    await using postgres = await startPostgres({ major });
    const made = await copyAndArchive(postgres);
    const { restoreCommand } = made;
    const cases = [
      { target: { kind: 'end' }, action: 'pause', outcome: 'promoted', rows: [['1'], ['2']] },
      {
        target: { kind: 'xid', xid: made.xidOfTwo },
        action: 'promote',
        outcome: 'promoted',
        rows: [['1'], ['2']],
      },
      {
        target: { kind: 'xid', xid: made.xidOfTwo, inclusive: false },
        action: 'pause',
        outcome: 'paused',
        rows: [['1']],
      },
      { target: { kind: 'name', name: 'after one' }, action: 'shutdown', outcome: 'shut-down' },
    ] as const;
    for (const { target, action, outcome, ...expected } of cases) {
      const dataDir = join(postgres.node.root, `run-${target.kind}-${action}`);
      await fs.cp(made.dataDir, dataDir, { recursive: true });
      const { user } = postgres.node;
      if (user) await chownTree(dataDir, user);
      await requestRecovery({ host: machine, dataDir, user });
      const plan: RecoveryPlan = { target, timeline: 1, action, restoreCommand };
      const server = await startServer({
        ...(await optionsFor(postgres, dataDir)),
        settings: recoverySettings(plan),
        until: 'launched',
      });
      try {
        const found = await server.recovered(AbortSignal.timeout(60_000));
        assert.equal(found, outcome, `${target.kind} ${action}`);
        const kinds = server.events.map(({ kind }) => kind);
        assert.equal(kinds.includes('stopping'), target.kind !== 'end');
        assert.ok(kinds.includes('redo-starts') && kinds.includes('restored'), kinds.join());
        if (outcome === 'paused') await server.ready();
        if ('rows' in expected) assert.deepEqual(await query(server, ENTRIES), expected.rows);
      } finally {
        await server.stop('immediate');
      }
    }
  },
  { quick: [14, 15, 18] },
);

testEachMajor(
  'trap 11: a target beyond the log is an error, not a success',
  async (major) => {
    await using postgres = await startPostgres({ major });
    const { dataDir, restoreCommand } = await copyAndArchive(postgres);
    await requestRecovery({ host: machine, dataDir, user: postgres.node.user });
    const plan: RecoveryPlan = {
      target: { kind: 'name', name: 'never made' },
      timeline: 1,
      action: 'promote',
      restoreCommand,
    };
    const server = await startServer({
      ...(await optionsFor(postgres, dataDir)),
      settings: recoverySettings(plan),
      until: 'launched',
    });
    await assert.rejects(server.recovered(AbortSignal.timeout(60_000)), {
      code: 'POSTGRES_TARGET_NOT_REACHED',
    });
    await server.stop('immediate');
  },
  { quick: [14, 18] },
);

testEachMajor(
  'configuration kept outside the data directory is made up for',
  async (major) => {
    await using postgres = await startPostgres({ major });
    await postgres.sql('CREATE TABLE entry (n int)');
    await postgres.stop();
    const dataDir = await postgres.copyStopped();
    const names = ['postgresql.conf', 'pg_hba.conf', 'pg_ident.conf'];
    for (const name of names) await fs.rm(join(dataDir, name));
    await using server = await startServer({
      ...(await optionsFor(postgres, dataDir)),
      sourceSettings: { work_mem: '7MB', search_path: `"it's", public` },
    });
    assert.deepEqual(await query(server, 'SHOW work_mem'), [['7MB']]);
    assert.deepEqual(await query(server, 'SHOW search_path'), [[`"it's", public`]]);
    assert.deepEqual(await query(server, 'SHOW max_connections'), [['30']]);
  },
  { from: 15, to: 18, quick: [15, 18] },
);

testEachMajor(
  'a running server, a foreign directory and a wrong version are refused',
  async (major) => {
    await using postgres = await startPostgres({ major });
    const options = await optionsFor(postgres, postgres.dataDir);
    await assert.rejects(startServer(options), { code: 'POSTGRES_SERVER_RUNNING' });
    await postgres.stop();
    await assert.rejects(startServer({ ...options, dataDir: postgres.node.root }), {
      code: 'POSTGRES_NOT_A_DATA_DIRECTORY',
    });
    const other = await testBinaries(17);
    if (other) {
      await assert.rejects(startServer({ ...options, binaries: other }), {
        code: 'POSTGRES_BINARIES_MISMATCH',
      });
    }
    await assert.rejects(startServer({ ...options, settings: { shared_buffers: 'plenty' } }), {
      code: 'POSTGRES_SERVER_FAILED',
      message: /shared_buffers/,
    });
    await postgres.start();
  },
  { from: 18 },
);

// Restore writes pg_control last: without one a directory looks whole and is not.
testEachMajor(
  'a directory whose pg_control is absent or closed is refused with a code',
  async (major) => {
    await using postgres = await startPostgres({ major });
    await postgres.stop();
    const dataDir = await postgres.copyStopped();
    const options = await optionsFor(postgres, dataDir);
    const file = join(dataDir, 'global', 'pg_control');
    await fs.rename(file, `${file}.away`);
    for (const isolated of [true, false]) {
      await assert.rejects(startServer({ ...options, isolated }), {
        code: 'POSTGRES_CONTROL_FILE_ABSENT',
        kind: 'absent',
        hint: /holdfast restore/,
      });
    }
    await fs.mkdir(file);
    await assert.rejects(startServer(options), { code: 'POSTGRES_CONTROL_FILE_INVALID' });
    await fs.rmdir(file);
    const closed = { ...machine, fs: faultyFileSystem(denyPath(file)).fs };
    await assert.rejects(startServer({ ...options, host: closed }), {
      code: 'POSTGRES_CONTROL_FILE_UNREADABLE',
      kind: 'denied',
    });
    await fs.rename(`${file}.away`, file);
    await using _server = await startServer(options);
  },
  { from: 18 },
);

testEachMajor(
  'kill leaves no process of the server, not even a command it was running',
  async (major) => {
    await using postgres = await startPostgres({ major });
    const { dataDir } = await copyAndArchive(postgres);
    await requestRecovery({ host: machine, dataDir, user: postgres.node.user });
    const marker = join(postgres.node.root, 'archive', 'command.pid');
    const plan: RecoveryPlan = {
      target: { kind: 'end' },
      timeline: 1,
      action: 'promote',
      restoreCommand: `sh -c 'echo $$ > ${marker}; exec sleep 300'`,
    };
    const server = await startServer({
      ...(await optionsFor(postgres, dataDir)),
      settings: recoverySettings(plan),
      until: 'launched',
    });
    let pid = 0;
    while (!pid) {
      pid = Number(await fs.readFile(marker, 'utf8').catch(() => '0'));
      await machine.clock.sleep(20);
    }
    await server.kill();
    // Gone, or a zombie whose parent (init, in a container perhaps none) has yet to reap it.
    const stat = await fs.readFile(`/proc/${pid}/stat`, 'utf8').catch(() => 'gone');
    assert.match(stat, /^gone$|\) Z /);
  },
  { from: 18 },
);

async function chownTree(path: string, user: { uid: number; gid: number }): Promise<void> {
  await fs.chown(path, user.uid, user.gid);
  for (const name of await fs.readdir(path, { recursive: true })) {
    await fs.lchown(join(path, name), user.uid, user.gid);
  }
}
