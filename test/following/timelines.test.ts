import assert from 'node:assert/strict';
import { chownSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import type { PostgresSource } from '../../src/capture/source.ts';
import { type Instant, instantOfMillis } from '../../src/content/instant.ts';
import { isHoldfastError } from '../../src/errors/holdfast-error.ts';
import type { Target } from '../../src/recovery/target/target.ts';
import { listLogDocuments } from '../../src/repository/log/log-document.ts';
import type { Repository } from '../../src/repository/repository.ts';
import { temporaryRepository } from '../doubles/temporary-repository.ts';
import { restoreTo, snapshotOf, sourceOf } from '../recovery/scenario.ts';
import { freePort } from '../support/free-port.ts';
import { testEachMajor } from '../support/majors.ts';
import { startPostgres, TestPostgres } from '../support/postgres.ts';
import { killPostmaster, temporaryDirectory } from '../support/temporary.ts';
import { follow, ofKind, stored, until } from './followed.ts';
import {
  createCommitsTable,
  lastOf,
  type NumberedCommit,
  NumberedCommits,
} from './numbered-commits.ts';
import { assertExactly, recover, stateOf } from './recovered.ts';

const timeout = 150_000;
const now = (): Instant => instantOfMillis(Date.now());

/** One cluster on several hosts, as `hosts:` in holdfast.yaml. */
function sourceOfHosts(...servers: readonly TestPostgres[]): PostgresSource {
  const [first, ...others] = servers.map(({ socketDir, port }) => ({ host: socketDir, port }));
  const { name, reach } = sourceOf(servers[0] as TestPostgres);
  return {
    name,
    reach: async (purpose) => ({ ...(await reach(purpose)), ...first, otherHosts: others }),
  };
}

async function someCommits(server: TestPostgres, from: number): Promise<readonly NumberedCommit[]> {
  const clients = await NumberedCommits.start({ source: sourceOf(server), from });
  await clients.more(30);
  return await clients.stop();
}

// Research §4.3 #19: without every history, recovery ends early on an old timeline.
testEachMajor(
  'a restore across two promotions has the last commit, whoever was followed',
  async (major) => {
    await using place = await temporaryRepository();
    const { repository } = place;
    const journal = temporaryDirectory();
    await using first = await startPostgres({ major });
    await createCommitsTable(first);
    await using second = await first.makeStandby();
    const commits: NumberedCommit[] = [];
    await using stack = new AsyncDisposableStack();
    let third: TestPostgres;
    {
      const source = sourceOfHosts(first, second);
      await using follower = await follow({ repository, source, journal });
      await follower.streaming;
      await snapshotOf(repository, sourceOf(first));
      commits.push(...(await someCommits(first, 1)));
      await first.waitForReplay(second);
      await first.kill9();
      await second.promote();
      await until('timeline 2 is followed', () => ofKind(follower, 'timeline-switch').length > 0);
      commits.push(...(await someCommits(second, 1_000)));
      third = stack.use(await second.makeStandby());
      commits.push(...(await someCommits(second, 1_500)));
      await stored(follower, second);
    }
    // While nobody follows, the next promotion comes.
    commits.push(...(await someCommits(second, 2_000)));
    await second.waitForReplay(third);
    await second.kill9();
    await third.promote();
    commits.push(...(await someCommits(third, 3_000)));
    {
      const source = sourceOfHosts(second, third);
      await using follower = await follow({ repository, source, journal, slot: 'third' });
      await stored(follower, third);
      assert.equal(ofKind(follower, 'gap').length, 0);
    }
    await third.kill9();
    await using recovered = await recover({ repository, target: { kind: 'latest' } });
    assert.equal(recovered.resolution.timeline, 3);
    assert.equal(recovered.reached.timeline, 4);
    assertExactly({ recovered, commits, present: lastOf(commits) });
  },
  { quick: [14, 18], timeout },
);

// Research §4.3 #20 and #22: the redo segment begins on another timeline, and the histories of
// promotions before the first backup are there.
test('a backup that first begins after a promotion, in its first segment, has all it needs', {
  timeout,
}, async () => {
  await using place = await temporaryRepository();
  const { repository } = place;
  await using postgres = await startPostgres({ major: 18 });
  const source = sourceOf(postgres);
  await createCommitsTable(postgres);
  const commits = [...(await someCommits(postgres, 1))];
  await promoteInPlace(postgres);
  await promoteInPlace(postgres);
  const taken = await snapshotOf(repository, source);
  assert.equal(taken.document.startTimeline, 3);
  const before = lastOf(commits);
  {
    const target: Target = { kind: 'snapshot', id: taken.snapshot.id };
    await using recovered = await recover({ repository, target });
    assertExactly({ recovered, commits, present: before });
  }
  await using follower = await follow({ repository, source });
  commits.push(...(await someCommits(postgres, 1_000)));
  await stored(follower, postgres);
  await follower.stop();
  const histories: string[] = [];
  const lineage = follower.lineage.id;
  for await (const name of listLogDocuments({ repository, lineage })) histories.push(name);
  assert.deepEqual(histories.sort(), ['00000002.history', '00000003.history']);
  await using recovered = await recover({ repository, target: { kind: 'latest' } });
  assertExactly({ recovered, commits, present: lastOf(commits) });
});

// Research §4.3 #21: only what the chosen timeline descends from is served.
test('after a restore into the past both histories restore, and neither is guessed', {
  timeout,
}, async () => {
  await using place = await temporaryRepository();
  const { repository } = place;
  const journal = temporaryDirectory();
  await using postgres = await startPostgres({ major: 18 });
  await createCommitsTable(postgres);
  const shared: NumberedCommit[] = [];
  const lost: NumberedCommit[] = [];
  let fork: Instant;
  {
    await using follower = await follow({ repository, source: sourceOf(postgres), journal });
    await follower.streaming;
    await snapshotOf(repository, sourceOf(postgres));
    shared.push(...(await someCommits(postgres, 1)));
    fork = now();
    lost.push(...(await someCommits(postgres, 1_000)));
    await stored(follower, postgres);
  }
  await postgres.stop();

  // The past of `fork` goes on as production: the same cluster, another history.
  await using production = await asProduction(repository, fork, postgres);
  const gained = await someCommits(production, 2_000);
  {
    await using follower = await follow({ repository, source: sourceOf(production), journal });
    await Promise.race([stored(follower, production), follower.ended]);
    assert.equal(follower.position.stored?.timeline, 2);
  }

  const old = (lost[15] as NumberedCommit).acknowledged;
  {
    await using one = await at({ repository, time: old, timeline: 1 });
    assertExactly({ recovered: one, commits: [...shared, ...lost], present: old, absent: old });
    assertExactly({ recovered: one, commits: shared, present: lastOf(shared) });
    assert.ok(
      gained.every(({ id }) => !one.ids.has(id)),
      'nothing of the other history',
    );
  }
  {
    const time = (gained[15] as NumberedCommit).acknowledged;
    await using two = await at({ repository, time, timeline: 2 });
    const commits = [...shared, ...gained];
    assertExactly({ recovered: two, commits, present: time, absent: time });
    assert.ok(
      lost.every(({ id }) => !two.ids.has(id)),
      'nothing of the history that was left',
    );
  }
  {
    await using latest = await recover({ repository, target: { kind: 'latest' } });
    assert.equal(latest.resolution.timeline, 2);
    const commits = [...shared, ...gained];
    assertExactly({ recovered: latest, commits, present: lastOf(commits) });
    assert.ok(lost.every(({ id }) => !latest.ids.has(id)));
  }
  // A transaction id of the time after the fork was given twice: once in each history.
  const twice = lost.find(({ xid }) => gained.some((other) => other.xid === xid));
  assert.ok(twice, 'transaction ids were given again');
  const target: Target = { kind: 'xid', xid: twice.xid };
  await assert.rejects(recover({ repository, target }), (error) =>
    isHoldfastError(error, 'TARGET_AMBIGUOUS'),
  );
  {
    await using one = await recover({ repository, target, timeline: 1 });
    assert.ok(one.ids.has(twice.id));
  }
  await using two = await recover({ repository, target, timeline: 2 });
  assert.ok(two.ids.has(gained.find(({ xid }) => xid === twice.xid)?.id ?? 0));
  assert.ok(!two.ids.has(twice.id));
});

test('a time that two timelines hold is refused with the choices', { timeout }, async () => {
  await using place = await temporaryRepository();
  const { repository } = place;
  await using left = await startPostgres({ major: 18 });
  await createCommitsTable(left);
  await using gone = await left.makeStandby();
  await snapshotOf(repository, sourceOf(left));
  const shared = await someCommits(left, 1);
  await left.waitForReplay(gone);
  // Split brain: the primary that was left behind writes on, and both were followed.
  await gone.promote();
  await using behind = await follow({ repository, source: sourceOf(left), leaseTtlMs: 1_500 });
  const one = await someCommits(left, 1_000);
  const between = now();
  const more = await someCommits(left, 1_500);
  await stored(behind, left);
  await behind.stop();
  const two = await someCommits(gone, 2_000);
  await using ahead = await follow({ repository, source: sourceOf(gone), slot: 'ahead' });
  await stored(ahead, gone);
  await ahead.stop();

  const ranges = (await stateOf(repository)).ranges;
  assert.deepEqual(
    ranges.map(({ timeline }) => timeline),
    [1, 2],
  );
  await assert.rejects(at({ repository, time: between }), (error) => {
    assert.ok(isHoldfastError(error, 'TARGET_AMBIGUOUS'));
    assert.match(error.hint, /--timeline 1 or --timeline 2/);
    return true;
  });
  {
    const commits = [...shared, ...one, ...more];
    await using recovered = await at({ repository, time: between, timeline: 1 });
    assertExactly({ recovered, commits, present: between, absent: between });
  }
  const commits = [...shared, ...two];
  await using recovered = await recover({ repository, target: { kind: 'latest' } });
  assertExactly({ recovered, commits, present: lastOf(commits) });
  assert.ok(one.every(({ id }) => !recovered.ids.has(id)));
});

function at(options: {
  readonly repository: Repository;
  readonly time: Instant;
  readonly timeline?: number;
}) {
  const { time, ...rest } = options;
  return recover({ ...rest, target: { kind: 'time', time } });
}

/** Restored as a user restores for good: started as any server is, not isolated. */
async function asProduction(
  repository: Repository,
  time: Instant,
  like: TestPostgres,
): Promise<TestPostgres> {
  const root = temporaryDirectory(() => killPostmaster(dataDir));
  const dataDir = join(root, 'data');
  await restoreTo({
    repository,
    target: { kind: 'time', time },
    start: false,
    directory: dataDir,
  });
  const runDir = join(root, 'run');
  const { user } = like.node;
  mkdirSync(runDir, { mode: 0o700 });
  if (user) chownSync(runDir, user.uid, user.gid);
  const port = await freePort();
  const production = new TestPostgres({ ...like.node, root, dataDir, runDir, port });
  await production.start();
  const recovering = 'select pg_is_in_recovery()';
  await until('it is promoted', async () => (await production.value(recovering)) === 'f');
  return production;
}

/** A new timeline of the same server, as after a failover to itself. */
async function promoteInPlace(postgres: TestPostgres): Promise<void> {
  await postgres.stop();
  const signal = join(postgres.dataDir, 'standby.signal');
  writeFileSync(signal, '');
  await postgres.start();
  await postgres.promote();
  rmSync(signal, { force: true });
}
