import assert from 'node:assert/strict';
import { instant, parseInstant } from '../../src/content/instant.ts';
import type { WindowResult } from '../../src/operations/contract.ts';
import { benchRepository } from '../following/bench-repository.ts';
import { until } from '../following/followed.ts';
import {
  createCommitsTable,
  type NumberedCommit,
  NumberedCommits,
} from '../following/numbered-commits.ts';
import { assertExactly, recover } from '../following/recovered.ts';
import { start } from '../operations/process.ts';
import { Workbench } from '../operations/workbench.ts';
import { sourceOf } from '../recovery/scenario.ts';
import { testEachMajor } from '../support/majors.ts';
import { startPostgres } from '../support/postgres.ts';

const SLOTS = 'select slot_name, temporary from pg_replication_slots';

testEachMajor(
  'every second since the first snapshot restores, though follow ran only later',
  async (major) => {
    await using postgres = await startPostgres({ major, initdb: ['--wal-segsize=1'] });
    using bench = new Workbench();
    await bench.init(postgres);
    await createCommitsTable(postgres);
    const clients = await NumberedCommits.start({ source: sourceOf(postgres) });
    await clients.more(10);
    const first = await bench.run('backup');
    assert.equal(first.code, 0, first.err);
    assert.match(first.err, /Created the replication slot holdfast: .* until holdfast follow main/);
    assert.deepEqual(await postgres.sql(SLOTS), [['holdfast', 'f']]);
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
