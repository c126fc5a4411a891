import assert from 'node:assert/strict';
import { testEachMajor } from '../../../../test/support/majors.ts';
import { startPostgres, type TestPostgres } from '../../../../test/support/postgres.ts';
import { inspect } from '../inspect/inspect.ts';
import { connect } from '../protocol/connect.ts';
import { parseManifest } from './manifest.ts';
import { planCapture } from './plan-capture.ts';
import { assertSamePages } from './testing/compare.ts';
import { each, type Taken, take } from './testing/take.ts';

async function planFor(server: TestPostgres, parent: Taken) {
  await using replication = await connect({
    host: server.host,
    port: server.port,
    user: server.superuser,
    database: 'postgres',
    replication: 'database',
    applicationName: 'test',
  });
  const inspection = await inspect({ replication });
  const { startLsn, startTimeline, stopLsn, stopTimeline } = parent.backup;
  return planCapture({
    inspection,
    parent: {
      systemIdentifier: inspection.systemIdentifier,
      serverVersionNum: inspection.serverVersionNum,
      walSegmentSize: inspection.walSegmentSize,
      dataChecksums: inspection.dataChecksums,
      startLsn,
      startTimeline,
      stopLsn,
      stopTimeline,
      hasManifest: true,
    },
  });
}

// Research §4.3 #4: a file longer on the primary than on the standby stored a wrong size.
testEachMajor(
  'a standby under load gives a sound capture',
  async (major) => {
    await using primary = await startPostgres({ major });
    await primary.sql('create table t as select generate_series(1, 20000) as id');
    await using standby = await primary.makeStandby();
    await primary.waitForReplay(standby);
    let stop = false;
    const load = (async () => {
      while (!stop) {
        await each(
          primary,
          'insert into t select generate_series(1, 5000)',
          'delete from t where id > 15000',
          'vacuum t',
          'checkpoint',
        );
      }
    })();
    const { backup, sink } = await take(standby);
    stop = true;
    await load;
    assert.equal(backup.capturedFrom, 'standby');
    const [range] = parseManifest(backup.manifest).walRanges;
    assert.deepEqual(range, { timeline: 1, start: backup.startLsn, end: backup.stopLsn });
    assert.ok(sink.files.size > 900);
  },
  { quick: [14, 15, 18] },
);

testEachMajor(
  'a standby promoted during its backup is transient',
  async (major) => {
    await using primary = await startPostgres({ major });
    await using standby = await primary.makeStandby();
    await primary.waitForReplay(standby);
    let promoted: Promise<void> | undefined;
    const pressure = () => {
      if (promoted) return undefined;
      promoted = standby.promote();
      return promoted;
    };
    await assert.rejects(take(standby, { pressure }), {
      code: 'POSTGRES_PROMOTED_MEANWHILE',
      kind: 'transient',
    });
  },
  { quick: [14, 18] },
);

testEachMajor(
  'a primary without full page writes spoils its standby',
  async (major) => {
    await using primary = await startPostgres({ major, settings: { full_page_writes: 'off' } });
    await using standby = await primary.makeStandby();
    await primary.sql('create table t as select generate_series(1, 100) as id; checkpoint');
    await primary.waitForReplay(standby);
    await assert.rejects(take(standby), { code: 'POSTGRES_FULL_PAGE_WRITES_OFF', kind: 'usage' });
  },
  { quick: [14, 18] },
);

// Research §4.3 #37.
testEachMajor(
  'an idle standby has no newer restartpoint: coded, and well again after a checkpoint',
  async (major) => {
    const settings = { summarize_wal: 'on' };
    await using primary = await startPostgres({ major, settings });
    await primary.sql('create table t as select generate_series(1, 20000) as id');
    await using standby = await primary.makeStandby({ settings });
    await primary.waitForReplay(standby);
    await primary.sql('checkpoint');
    await primary.waitForReplay(standby);
    const full = await take(standby);
    await primary.sql('insert into t values (0)');
    await primary.waitForReplay(standby);
    await assert.rejects(take(standby, { parent: full }), {
      code: 'POSTGRES_PARENT_TOO_NEW',
      kind: 'transient',
    });
    await primary.sql('checkpoint');
    await primary.waitForReplay(standby);
    const next = await take(standby, { parent: full });
    assert.ok(next.backup.bytesReceived < full.backup.bytesReceived / 2);
  },
  { from: 17 },
);

testEachMajor(
  'an incremental on a promoted standby builds on an ancestor',
  async (major) => {
    const settings = { summarize_wal: 'on' };
    // Without checksums hint bits change pages without WAL: they would differ by right.
    const initdb = ['--data-checksums'];
    await using primary = await startPostgres({ major, settings, initdb });
    await primary.sql('create table t as select generate_series(1, 20000) as id');
    await using standby = await primary.makeStandby({ settings });
    const ancestor = await take(primary);
    await primary.sql('insert into t values (0)');
    await primary.waitForReplay(standby);
    await standby.promote();
    await standby.sql('insert into t values (2); checkpoint');
    assert.equal((await planFor(standby, ancestor)).kind, 'native-incremental');
    const child = await take(standby, { parent: ancestor });
    assert.equal(child.backup.startTimeline, 2);
    await standby.stop();
    assertSamePages(child.sink, standby.dataDir);
  },
  { from: 17 },
);

// The server looks only at where the parent began: it would build on one that ended beyond the
// fork, and pages changed there on the old timeline alone would stay.
testEachMajor(
  'a parent during which the source forked is refused',
  async (major) => {
    const settings = { summarize_wal: 'on' };
    await using primary = await startPostgres({ major, settings });
    await primary.sql('create table t as select generate_series(1, 20000) as id');
    await using standby = await primary.makeStandby({ settings });
    await primary.waitForReplay(standby);
    let fork: Promise<void> | undefined;
    const forked = await take(primary, {
      pressure: () => {
        if (fork) return undefined;
        fork = standby.promote();
        return fork.then(() => each(primary, 'update t set id = -id', 'checkpoint'));
      },
    });
    await standby.sql('insert into t values (2); checkpoint');
    const plan = await planFor(standby, forked);
    assert.equal(plan.kind, 'full');
    assert.match(plan.reason, /left timeline 1/);
    await assert.rejects(take(standby, { parent: forked }), {
      code: 'POSTGRES_PARENT_NOT_ANCESTOR',
      kind: 'conflict',
    });
  },
  { from: 17 },
);

testEachMajor('before 17 an incremental is planned by page hash', async (major) => {
  await using server = await startPostgres({ major });
  const full = await take(server);
  const plan = await planFor(server, full);
  assert.equal(plan.kind, 'hash-incremental');
  const expected = major < 17 ? /sends no incremental/ : /summarize_wal is off/;
  assert.match(plan.reason, expected);
});
