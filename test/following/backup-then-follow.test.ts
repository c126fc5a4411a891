import assert from 'node:assert/strict';
import { instant, parseInstant } from '../../src/content/instant.ts';
import type { BackupResult, WindowResult } from '../../src/operations/contract.ts';
import { start } from '../operations/process.ts';
import { Workbench } from '../operations/workbench.ts';
import { sourceOf } from '../recovery/scenario.ts';
import { testEachMajor } from '../support/majors.ts';
import { startPostgres, type TestPostgres } from '../support/postgres.ts';
import { benchRepository } from './bench-repository.ts';
import { until } from './followed.ts';
import { createCommitsTable, type NumberedCommit, NumberedCommits } from './numbered-commits.ts';
import { assertExactly, recover } from './recovered.ts';

const SLOTS = 'select slot_name, temporary from pg_replication_slots';

/** A server of a closed session drops its temporary slots when it comes to it, not at once. */
async function slotsOf(postgres: TestPostgres) {
  const temporary = `${SLOTS} where temporary`;
  await until('the temporary slots are gone', async () => !(await postgres.sql(temporary)).length);
  return await postgres.sql(SLOTS);
}

testEachMajor(
  'every second since the first snapshot restores, though follow ran only later',
  async (major) => {
    await using postgres = await startPostgres({ major, initdb: ['--wal-segsize=1'] });
    using bench = new Workbench();
    await bench.init(postgres);
    bench.editConfig((text) => text.replace('5s', '100ms'));
    await createCommitsTable(postgres);
    const clients = await NumberedCommits.start({ source: sourceOf(postgres) });
    await clients.more(10);
    const first = await bench.run('backup');
    assert.equal(first.code, 0, first.err);
    assert.match(first.err, /Created the replication slot holdfast: .* until holdfast follow main/);
    assert.deepEqual(await slotsOf(postgres), [['holdfast', 'f']]);
    // Log that a server without the slot would have removed or recycled.
    for (let segment = 0; segment < 6; segment++) {
      await clients.more(10);
      await postgres.sql('select pg_switch_wal()');
    }
    await postgres.sql('checkpoint');
    await clients.more(10);
    const second = await bench.run('backup');
    assert.doesNotMatch(second.err, /replication slot/, 'said once');

    const following = start(bench, ['follow']);
    const timelines = async () => (await bench.json<WindowResult>('window')).lineages[0]?.timelines;
    try {
      await clients.more(10);
      const commits = await clients.stop();
      const last = commits.at(-1) as NumberedCommit;
      await until('the last commit can be restored', async () => {
        const [timeline] = (await timelines()) ?? [];
        const [range, ...more] = timeline?.ranges ?? [];
        if (!range || more.length > 0) return false;
        return parseInstant(range.to.time) >= last.sent;
      });
      assert.deepEqual((await timelines())?.[0]?.gaps, []);
    } finally {
      following.child.kill('SIGINT');
    }
    const { exit, err } = await following.ended;
    assert.equal(exit, 0, err);
    const commits = clients.commits;
    // Between the snapshot and the start of follow.
    const time = (commits[Math.floor(commits.length / 2)] as NumberedCommit).acknowledged;
    const repository = await benchRepository(bench);
    await using recovered = await recover({ repository, target: { kind: 'time', time } });
    assertExactly({ recovered, commits, present: time, absent: instant(time + 1) });
  },
  { from: 18 },
);

testEachMajor(
  'a backup without follow leaves no slot behind, and says so when none is to be had',
  async (major) => {
    await using postgres = await startPostgres({ major, settings: { max_replication_slots: '1' } });
    using bench = new Workbench();
    await bench.init(postgres);
    const whole = bench.config();
    bench.editConfig((text) => text.replace(/\n +follow:\n(?: {6,}.*\n)*/, '\n'));
    assert.doesNotMatch(bench.config(), /follow:/);
    const alone = await bench.json<BackupResult>('backup');
    assert.ok(alone.warnings.every(({ message }) => !/slot/.test(message)));
    assert.deepEqual(await slotsOf(postgres), []);

    bench.editConfig(() => whole);
    await postgres.sql("select pg_create_physical_replication_slot('somebody')");
    const refused = await bench.refusal('backup');
    assert.match(refused.message, /all replication slots are in use/i);
  },
  { from: 18 },
);
