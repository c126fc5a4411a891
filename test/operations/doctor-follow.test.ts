import assert from 'node:assert/strict';
import { readdirSync, rmSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import type { DoctorCheck, DoctorResult } from '../../src/operations/contract.ts';
import { onlyDocument } from '../cli/run-line.ts';
import { testEachMajor } from '../support/majors.ts';
import { startPostgres, type TestPostgres } from '../support/postgres.ts';
import { start } from './process.ts';
import { Workbench } from './workbench.ts';

async function checksOf(bench: Workbench): Promise<ReadonlyMap<string, DoctorCheck>> {
  const { out } = await bench.run('doctor', '--json');
  const { checks } = onlyDocument(out) as unknown as DoctorResult;
  return new Map(checks.map((check) => [check.name, check]));
}

// Trap 8.
testEachMajor(
  'doctor sees a follower, its end, and what its end does to commits',
  async (major) => {
    await using postgres = await startPostgres({ major });
    using bench = new Workbench();
    await bench.init(postgres);
    await bench.json('backup');
    const following = start(bench, ['follow']);
    try {
      await until(async () => (await checksOf(bench)).get('follow.alive')?.status === 'ok');
      await until(async () => (await checksOf(bench)).get('slot.retained')?.status === 'ok');
      await commitsWaitFor(postgres, 'holdfast');
      const alive = (await checksOf(bench)).get('follow.synchronous');
      assert.equal(alive?.status, 'ok');
      assert.match(alive?.hint ?? '', /synchronous_standby_names = ''/);
    } finally {
      following.child.kill('SIGINT');
      await following.ended;
    }
    const stopped = await checksOf(bench);
    assert.equal(stopped.get('follow.alive')?.status, 'warning');
    assert.match(stopped.get('follow.alive')?.message ?? '', /was stopped \d+ s ago/);
    const hung = stopped.get('follow.synchronous');
    assert.equal(hung?.status, 'problem');

    let committed = false;
    const commit = postgres.sql('create table waits (i int)').then(() => {
      committed = true;
    });
    const waiting = "select 1 from pg_stat_activity where wait_event = 'SyncRep'";
    await using other = await postgres.connect();
    await until(async () => ((await other.query(waiting))[0]?.rows.length ?? 0) > 0);
    assert.equal(committed, false);
    const release = /ALTER SYSTEM.*$/.exec(hung?.hint ?? '')?.[0] ?? '';
    for (const statement of release.split(';').filter((text) => text.trim())) {
      await other.query(statement);
    }
    await commit;
    assert.equal((await checksOf(bench)).has('follow.synchronous'), false);
  },
  { from: 18 },
);

// Research §4.3 #26: no log was recorded any more, and every page showed sound backups.
testEachMajor(
  'doctor sees a follower that was killed, and a gap in the log',
  async (major) => {
    await using postgres = await startPostgres({ major });
    using bench = new Workbench();
    await bench.init(postgres);
    await bench.json('backup');
    const following = start(bench, ['follow']);
    const log = () => {
      const files = readdirSync(bench.repository, { recursive: true, encoding: 'utf8' });
      return files.filter((name) => /log\/1\/[0-9A-F]{24}$/.test(name)).sort();
    };
    await until(async () => (await checksOf(bench)).get('follow.alive')?.status === 'ok');
    for (let round = 0; round < 3; round++) {
      const before = log().length;
      await postgres.sql(`create table t${round} (i int); select pg_switch_wal()`);
      await until(async () => log().length > before);
    }
    following.child.kill('SIGKILL');
    await following.ended;
    const past = Date.now() / 1000 - 3600;
    const lineages = join(bench.repository, 'lineages');
    const files = readdirSync(lineages, { recursive: true, encoding: 'utf8' });
    for (const name of files.filter((file) => file.includes('leases/log.json.v/'))) {
      utimesSync(join(lineages, name), past, past);
    }
    const segments = log();
    rmSync(join(bench.repository, segments.at(-2)!), { recursive: true });
    const checks = await checksOf(bench);
    assert.equal(checks.get('follow.alive')?.status, 'problem');
    assert.match(checks.get('follow.alive')?.message ?? '', /last sign of life 60 min ago/);
    const gap = checks.get('window.gaps');
    assert.equal(gap?.status, 'warning');
    assert.match(gap?.message ?? '', new RegExp(`segment ${segments.at(-2)?.slice(-24)} is not`));
    assert.match(gap?.hint ?? '', /holdfast backup main/);
  },
  { from: 18 },
);

async function commitsWaitFor(postgres: TestPostgres, name: string): Promise<void> {
  await postgres.sql(`alter system set synchronous_standby_names = '${name}'`);
  await postgres.sql('select pg_reload_conf()');
  await until(async () => (await postgres.value('show synchronous_standby_names')) === name);
}

async function until(happened: () => Promise<boolean>): Promise<void> {
  const end = Date.now() + 60_000;
  while (!(await happened())) {
    if (Date.now() > end) throw new Error('it did not happen within 60 s');
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
