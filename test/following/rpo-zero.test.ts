import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryRepository } from '../doubles/temporary-repository.ts';
import { type Ended, start } from '../operations/process.ts';
import { Workbench } from '../operations/workbench.ts';
import { snapshotOf, sourceOf } from '../recovery/scenario.ts';
import { testEachMajor } from '../support/majors.ts';
import { startPostgres, type TestPostgres } from '../support/postgres.ts';
import { soak } from '../support/soak.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { benchRepository } from './bench-repository.ts';
import { follow, makeSynchronous } from './followed.ts';
import {
  createCommitsTable,
  lastOf,
  type NumberedCommit,
  NumberedCommits,
} from './numbered-commits.ts';
import { assertExactly, recover } from './recovered.ts';

const latest = { quick: [18], timeout: 150_000 };

testEachMajor(
  'kill -9 of the primary: no acknowledged commit is lost',
  async (major) => {
    await using place = await temporaryRepository();
    const { repository } = place;
    const journal = temporaryDirectory();
    await using postgres = await startPostgres({ major });
    const source = sourceOf(postgres);
    await createCommitsTable(postgres);
    const commits: NumberedCommit[] = [];
    for (let round = 0; round < soak(10, 1); round++) {
      if (round > 0) await postgres.start();
      // Nothing of the unfinished segment is stored before the end: what counts is in the journal.
      await using follower = await follow({ repository, source, journal, uploadEveryMs: 600_000 });
      await follower.streaming;
      await makeSynchronous(postgres);
      if (round % 4 === 0) await snapshotOf(repository, source);
      const from = round * 1_000_000 + 1;
      const clients = await NumberedCommits.start({ source, clients: 3, pauseMs: 1, from });
      await clients.more(150 + randomInt(soak(400, 1)));
      await postgres.kill9();
      commits.push(...(await clients.stop()));
      await follower.stop();
      await using recovered = await recover({ repository, target: { kind: 'latest' } });
      assertExactly({ recovered, commits, present: lastOf(commits) });
    }
  },
  { quick: [14, 18], timeout: soak(600_000, 120_000) },
);

testEachMajor(
  'durability repository: primary, follower and journal are lost, and no commit is',
  async (major) => {
    await using scene = await killable(major, (text) =>
      text.replace('durability: journal', 'durability: repository').replace('5s', '100ms'),
    );
    const { bench, postgres, clients } = scene;
    await clients.more(60);
    await Promise.all([scene.killFollower(), postgres.kill9()]);
    const commits = await clients.stop();
    rmSync(scene.journal, { recursive: true });
    const repository = await benchRepository(bench);
    await using recovered = await recover({ repository, target: { kind: 'latest' } });
    assertExactly({ recovered, commits, present: lastOf(commits) });
  },
  latest,
);

testEachMajor(
  'kill -9 of the follower under load: it goes on, and its journal reaches the repository',
  async (major) => {
    await using scene = await killable(major, (text) => text.replace('5s', '10min'));
    const { bench, postgres, clients } = scene;
    await clients.more(60);
    await scene.killFollower();
    scene.startFollower();
    // Commits wait for it; these are acknowledged by the second process.
    await clients.more(60);
    await Promise.all([scene.killFollower(), postgres.kill9()]);
    const commits = await clients.stop();

    // Only the journal holds the last ones, and there is no server to follow any more.
    const repository = await benchRepository(bench);
    {
      await using before = await recover({ repository, target: { kind: 'latest' } });
      assert.ok(
        commits.some(({ id }) => !before.ids.has(id)),
        'something is in the journal alone',
      );
    }
    const { exit, err } = await scene.startFollower();
    assert.notEqual(exit, 0);
    assert.match(err, /journal of main is in the repository up to/);
    assert.match(err, /cannot be reached/);
    await using recovered = await recover({ repository, target: { kind: 'latest' } });
    assertExactly({ recovered, commits, present: lastOf(commits) });
  },
  latest,
);

interface Killable extends AsyncDisposable {
  readonly bench: Workbench;
  readonly postgres: TestPostgres;
  readonly clients: NumberedCommits;
  readonly journal: string;
  startFollower(): Promise<Ended>;
  killFollower(): Promise<void>;
}

/** A server whose commits wait for `holdfast follow` in a process of its own, after a backup. */
async function killable(major: number, settings: (config: string) => string): Promise<Killable> {
  await using stack = new AsyncDisposableStack();
  const postgres = stack.use(await startPostgres({ major }));
  const bench = stack.use(new Workbench());
  await bench.init(postgres);
  bench.editConfig(settings);
  await createCommitsTable(postgres);
  await bench.json('backup');
  let running: ReturnType<typeof start> | undefined;
  const startFollower = () => {
    running = start(bench, ['follow']);
    return running.ended;
  };
  const killFollower = async () => {
    running?.child.kill('SIGKILL');
    await running?.ended;
  };
  stack.defer(killFollower);
  void startFollower();
  await makeSynchronous(postgres);
  const clients = await NumberedCommits.start({ source: sourceOf(postgres) });
  const kept = stack.move();
  return {
    bench,
    postgres,
    clients,
    journal: join(bench.directory, 'holdfast-repository-journal', 'main'),
    startFollower,
    killFollower,
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}
