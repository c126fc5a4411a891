import assert from 'node:assert/strict';
import test from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { failNth, faultyFileSystem } from '../../../../test/doubles/faulty-file-system.ts';
import { startPostgres } from '../../../../test/support/postgres.ts';
import { isHoldfastError } from '../../../errors/holdfast-error.ts';
import { machine } from '../../../host/host.ts';
import { Journal } from './journal.ts';
import type { JournalPosition } from './journal-recovery.ts';
import {
  clusterOf,
  Following,
  flushed,
  Load,
  makeSynchronous,
  RECEIVER_NAME,
  releaseCommits,
  serversBytes,
  temporary,
} from './testing/following.ts';

const SMALL = ['--wal-segsize=1'];
const timeout = 60_000;

test('it goes on where it stopped, over restarts of the server', { timeout }, async () => {
  using directory = temporary();
  await using server = await startPostgres({
    major: 18,
    initdb: SMALL,
    settings: { wal_keep_size: '200MB' },
  });
  await Load.prepare(server);
  await using following = await Following.start(server, { directory: directory.path });
  await following.reaches(await flushed(server));
  for (const mode of ['fast', 'kill'] as const) {
    const load = new Load(server, 2);
    await sleep(200);
    if (mode === 'kill') await server.kill9();
    else {
      await load.stop();
      await server.stop('fast');
    }
    await load.stop();
    await server.start();
    await server.sql(`insert into load values (0, 0, 'after ${mode}')`);
    await following.reaches(await flushed(server));
  }
  for (const { name, length } of following.journal.segments) {
    const stored = await following.journal.read({ timeline: 1, name }, 0, length);
    assert.ok(stored.equals(serversBytes(server, name, length)), name);
  }
  assert.equal(following.of('gap').length, 0);
});

test('an idle server is not mistaken for a dead one: answers count, not the log moving (§4.3 #25)', {
  timeout,
}, async () => {
  using directory = temporary();
  await using server = await startPostgres({
    major: 18,
    settings: { wal_sender_timeout: '1500ms', checkpoint_timeout: '1h', bgwriter_delay: '10s' },
  });
  await server.sql('checkpoint');
  await using following = await Following.start(server, {
    directory: directory.path,
    statusIntervalMs: 200,
    livenessMs: 1_500,
  });
  await following.reaches(await flushed(server));
  await sleep(3_200);
  assert.equal(following.of('connected').length, 1);
  assert.equal(following.of('disconnected').length, 0);
  assert.ok(
    following.of('keepalive').length >= 5,
    `${following.of('keepalive').length} keepalives`,
  );
});

test('a server that says nothing any more is left, and followed again when it speaks', {
  timeout,
}, async () => {
  using directory = temporary();
  await using server = await startPostgres({ major: 18 });
  await using following = await Following.start(server, {
    directory: directory.path,
    statusIntervalMs: 100,
    livenessMs: 500,
  });
  await following.reaches(await flushed(server));
  const sender = Number(await server.value('select pid from pg_stat_replication'));
  process.kill(sender, 'SIGSTOP');
  try {
    await following.until('left', () => following.of('disconnected').length > 0);
  } finally {
    process.kill(sender, 'SIGCONT');
  }
  await following.until('followed again', () => following.of('connected').length >= 2);
});

test('another cluster is refused, whatever its name (§4.3 #28)', { timeout }, async () => {
  using directory = temporary();
  await using first = await startPostgres({ major: 18 });
  await using second = await startPostgres({ major: 18 });
  {
    await using following = await Following.start(first, { directory: directory.path });
    await following.reaches(await flushed(first));
  }
  const host = machine;
  const options = { host, directory: directory.path };
  await assert.rejects(Journal.open({ ...options, ...(await clusterOf(second)) }), (error) =>
    isHoldfastError(error, 'WAL_FOREIGN_SYSTEM'),
  );
  const journal = await Journal.open({ ...options, ...(await clusterOf(first)) });
  await using misled = new Following(second, journal, {});
  assert.ok(isHoldfastError(await misled.fails(), 'WAL_FOREIGN_SYSTEM'));
});

test('a failed fsync is never acknowledged: the commit waits, the receiver stops', {
  timeout,
}, async () => {
  using directory = temporary();
  await using server = await startPostgres({ major: 18 });
  await server.sql('create table t (a int)');
  let armed = false;
  const plan = failNth('handle.datasync', 1, 'EIO');
  const faulty = faultyFileSystem((call) => (armed ? plan(call) : undefined));
  await using following = await Following.start(server, {
    directory: directory.path,
    host: { ...machine, fs: faulty.fs },
  });
  await following.reaches(await flushed(server));
  await makeSynchronous(server);
  await server.sql('insert into t values (1)');
  armed = true;
  const session = await server.connect();
  let committed = false;
  const commit = session.query('insert into t values (2)').then(
    () => {
      committed = true;
    },
    () => undefined,
  );
  const failure = await following.fails();
  assert.ok(isHoldfastError(failure, 'WAL_JOURNAL_FAILED'));
  await sleep(500);
  assert.equal(committed, false, 'the commit was acknowledged though nothing was durable');
  await releaseCommits(server);
  await commit;
  await session.close();
  assert.equal(committed, true);
});

test('remote_apply is refused with the statement that mends it, unless nobody waits for us', {
  timeout,
}, async () => {
  using directory = temporary();
  await using server = await startPostgres({
    major: 18,
    settings: { synchronous_commit: 'remote_apply' },
  });
  {
    await using following = await Following.start(server, { directory: directory.path });
    await following.until('connected', () => following.of('connected').length > 0);
  }
  await server.sql(
    `alter system set synchronous_standby_names = 'ANY 1 (other, "${RECEIVER_NAME.toUpperCase()}")'`,
  );
  await server.sql('select pg_reload_conf()');
  await sleep(200);
  await using following = await Following.start(server, { directory: directory.path });
  const failure = await following.fails();
  assert.ok(isHoldfastError(failure, 'WAL_REMOTE_APPLY'));
  assert.match(failure.hint, /ALTER SYSTEM SET synchronous_commit = 'on'/);
});

test('tier repository: a commit waits for the upload, not for the journal', {
  timeout,
}, async () => {
  using directory = temporary();
  await using server = await startPostgres({ major: 18 });
  await server.sql('create table t (a int)');
  let uploaded: JournalPosition | undefined;
  await using following = await Following.start(server, {
    directory: directory.path,
    tier: 'repository',
    uploaded: () => uploaded,
  });
  await following.reaches(await flushed(server));
  uploaded = following.end;
  following.receiver.uploadAdvanced();
  await makeSynchronous(server);
  await using session = await server.connect();
  let committed = false;
  const commit = session.query('insert into t values (1)').then(() => {
    committed = true;
  });
  await sleep(600);
  assert.equal(committed, false);
  uploaded = following.end;
  following.receiver.uploadAdvanced();
  await commit;
  assert.equal(committed, true);
});
