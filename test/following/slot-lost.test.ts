import assert from 'node:assert/strict';
import { join } from 'node:path';
import { formatInstant, type Instant, instant, parseInstant } from '../../src/content/instant.ts';
import type { WindowResult } from '../../src/operations/contract.ts';
import { start } from '../operations/process.ts';
import { Workbench } from '../operations/workbench.ts';
import { sourceOf } from '../recovery/scenario.ts';
import { testEachMajor } from '../support/majors.ts';
import { startPostgres, type TestPostgres } from '../support/postgres.ts';
import { benchRepository } from './bench-repository.ts';
import { SLOT, until } from './followed.ts';
import { createCommitsTable, type NumberedCommit, NumberedCommits } from './numbered-commits.ts';
import { assertExactly, recover } from './recovered.ts';

const SMALL = { min_wal_size: '2MB', max_wal_size: '2MB' };

testEachMajor(
  'a slot that the server gave up is a gap said aloud, which a snapshot mends',
  async (major) => {
    await using postgres = await startPostgres({
      major,
      settings: SMALL,
      initdb: ['--wal-segsize=1'],
    });
    using bench = new Workbench();
    await bench.init(postgres);
    bench.editConfig((text) => text.replace('5s', '100ms'));
    await createCommitsTable(postgres);
    await bench.json('backup');
    const { commits: before } = await followed({ bench, postgres, from: 1 });

    await limit(postgres, '1MB');
    const lost = await NumberedCommits.start({ source: sourceOf(postgres), from: 100_000 });
    await until('the slot is lost', async () => {
      await lost.more(4);
      await postgres.sql('select pg_switch_wal(); checkpoint');
      const status = `select wal_status from pg_replication_slots where slot_name = '${SLOT}'`;
      return (await postgres.value(status)) === 'lost';
    });
    const gone = await lost.stop();
    // A backup's own slot must survive the backup.
    await limit(postgres, '64MB');

    const { commits: after, err } = await followed({ bench, postgres, from: 200_000 });
    assert.match(
      err,
      /replication slot holdfast no longer keeps the log on .*: wal_status is lost/,
    );
    assert.match(err, /max_slot_wal_keep_size/);
    assert.match(err, /no longer has the log from .* on; it continues at .*lost for recovery/);
    assert.match(err, /Taking a snapshot/);
    assert.match(err, /Snapshot [0-9a-f]{8} is taken: restores reach on again/);

    const [timeline] = (await bench.json<WindowResult>('window')).lineages[0]?.timelines ?? [];
    assert.equal(timeline?.ranges.length, 2);
    const [first, second] = timeline.ranges;
    const [gap] = timeline.gaps;
    assert.deepEqual(
      timeline.gaps.map(({ fromLsn, toLsn }) => [fromLsn, toLsn]),
      [[first?.to.lsn, second?.from.lsn]],
    );
    assert.match(gap?.segment ?? '', /^00000001/);
    const shown = await bench.run('window');
    assert.match(shown.out, /gap/i);
    assert.ok(shown.out.includes(gap?.segment ?? '-'), shown.out);

    const commits = [...before, ...gone, ...after];
    const repository = await benchRepository(bench);
    for (const side of [before, after]) {
      const time = late(side);
      await using recovered = await recover({ repository, target: { kind: 'time', time } });
      assertExactly({ recovered, commits, present: time, absent: time });
    }
    const to = join(bench.directory, 'restored');
    const at = formatInstant((gone[gone.length >> 1] as NumberedCommit).acknowledged);
    const refused = await bench.refusal('restore', 'main', '--to', to, '--at', at);
    assert.equal(refused.code, 'TARGET_OUTSIDE_WINDOW');
    for (const { from, to: end } of timeline.ranges) {
      assert.ok(refused.message.includes(`${from.time} to ${end.time}`), refused.message);
    }
  },
  { quick: [18], timeout: 180_000 },
);

async function limit(postgres: TestPostgres, kept: string): Promise<void> {
  await postgres.sql(`alter system set max_slot_wal_keep_size = '${kept}'`);
  await postgres.sql('select pg_reload_conf()');
}

/** Commits while `holdfast follow` runs; all of them can be restored when it ends. */
async function followed(options: {
  readonly bench: Workbench;
  readonly postgres: TestPostgres;
  readonly from: number;
}): Promise<{ readonly commits: readonly NumberedCommit[]; readonly err: string }> {
  const { bench, postgres, from } = options;
  const following = start(bench, ['follow']);
  try {
    const covered = async (time: Instant) => {
      const [timeline] = (await bench.json<WindowResult>('window')).lineages[0]?.timelines ?? [];
      const range = timeline?.ranges.at(-1);
      return range !== undefined && parseInstant(range.to.time) >= time;
    };
    const begun = instant(Date.now() * 1000);
    const clients = await NumberedCommits.start({ source: sourceOf(postgres), from });
    await until('what is written now can be restored', async () => {
      await clients.more(1);
      return await covered(begun);
    });
    await clients.more(40);
    const commits = await clients.stop();
    const last = instant(commits.reduce((latest, { sent }) => Math.max(latest, sent), 0));
    await until('the last commit can be restored', () => covered(last));
    following.child.kill('SIGINT');
    const { exit, err } = await following.ended;
    assert.equal(exit, 0, err);
    return { commits, err };
  } finally {
    following.child.kill('SIGKILL');
  }
}

/** Of the commits after which twenty more came, the last. */
const late = (commits: readonly NumberedCommit[]): Instant =>
  (commits.at(-20) as NumberedCommit).acknowledged;
