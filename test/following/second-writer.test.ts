import assert from 'node:assert/strict';
import test from 'node:test';
import { instantOfMillis } from '../../src/content/instant.ts';
import { isHoldfastError } from '../../src/errors/holdfast-error.ts';
import { machine } from '../../src/host/host.ts';
import { faultyStore } from '../doubles/faulty-store.ts';
import { testHost } from '../doubles/host.ts';
import { temporaryRepository } from '../doubles/temporary-repository.ts';
import { snapshotOf, sourceOf } from '../recovery/scenario.ts';
import { startPostgres } from '../support/postgres.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { follow, makeSynchronous, stored } from './followed.ts';
import { createCommitsTable, NumberedCommits } from './numbered-commits.ts';
import { assertExactly, recover, stateOf } from './recovered.ts';

const timeout = 120_000;
const isSecondWriter = (error: unknown) => isHoldfastError(error, 'CAPTURE_SECOND_WRITER');

test('of two backups at once one is refused, and the other is whole', { timeout }, async () => {
  const working = Promise.withResolvers<void>();
  const refused = Promise.withResolvers<undefined>();
  await using place = await temporaryRepository({
    through: (store) =>
      faultyStore(store, async ({ operation, key }) => {
        if (operation !== 'put' || !key.startsWith('packs/')) return undefined;
        working.resolve();
        return await refused.promise;
      }),
  });
  const { repository } = place;
  await using postgres = await startPostgres({ major: 18 });
  const source = sourceOf(postgres);
  await createCommitsTable(postgres);
  await postgres.sql('insert into commits select generate_series(1, 20000)');
  const leaseTtlMs = 600;
  const first = snapshotOf(repository, source, { leaseTtlMs });
  await working.promise;
  await assert.rejects(snapshotOf(repository, source, { leaseTtlMs }), isSecondWriter);
  refused.resolve(undefined);
  const { snapshot } = await first;
  const { snapshots, list } = await stateOf(repository);
  assert.deepEqual(
    snapshots.map(({ id }) => id),
    [snapshot.id],
  );
  assert.deepEqual(list.offChain, []);
  await using recovered = await recover({
    repository,
    target: { kind: 'snapshot', id: snapshot.id },
  });
  assert.equal(recovered.ids.size, 20_000);
});

test('a second follower is refused; the first goes on as if nothing was', { timeout }, async () => {
  await using place = await temporaryRepository();
  const { repository } = place;
  await using postgres = await startPostgres({ major: 18 });
  const source = sourceOf(postgres);
  await createCommitsTable(postgres);
  await using first = await follow({ repository, source, leaseTtlMs: 1_500 });
  await first.streaming;
  await makeSynchronous(postgres);
  await snapshotOf(repository, source);
  const clients = await NumberedCommits.start({ source });
  await clients.more(10);
  await assert.rejects(
    follow({ repository, source, leaseTtlMs: 1_500, journal: temporaryDirectory() }),
    isSecondWriter,
  );
  await clients.more(10);
  assert.equal(first.position.reconnects, 0);
  await clients.stop();
  await stored(first, postgres);
});

test('a follower whose lease was taken over ends and says so', { timeout }, async () => {
  await using place = await temporaryRepository();
  const { repository } = place;
  await using postgres = await startPostgres({ major: 18 });
  const source = sourceOf(postgres);
  await createCommitsTable(postgres);
  // Its clock sleeps for a minute at a time: a process that was stopped, and goes on later.
  const wake = Promise.withResolvers<void>();
  const clock = {
    ...machine.clock,
    sleep: async (ms: number, signal?: AbortSignal) => {
      const slept = machine.clock.sleep(ms, signal);
      await (ms < 1_000 ? Promise.all([slept, wake.promise]) : slept);
    },
  };
  const suspended = { ...repository, host: testHost({ clock }) };
  const first = await follow({ repository: suspended, source, leaseTtlMs: 1_500 });
  const ended = assert.rejects(first.ended, (error) => isHoldfastError(error, 'LEASE_LOST'));
  await using second = await follow({ repository, source, leaseTtlMs: 1_500 });
  wake.resolve();
  await ended;
  await first.stop().catch(() => undefined);
  await second.streaming;
  await postgres.sql('insert into commits values (1)');
  await stored(second, postgres);
});

test('a clock that was set back spoils no order, no window and no lease', { timeout }, async () => {
  let back = 0;
  const clock = { ...machine.clock, now: () => machine.clock.now() - back };
  await using place = await temporaryRepository({ host: testHost({ clock }) });
  const { repository } = place;
  await using postgres = await startPostgres({ major: 18 });
  const source = sourceOf(postgres);
  await createCommitsTable(postgres);
  await using follower = await follow({ repository, source, leaseTtlMs: 1_500 });
  const clients = await NumberedCommits.start({ source });
  await clients.more(10);
  const taken = [await snapshotOf(repository, source)];
  await clients.more(10);
  back = 3 * 3_600_000;
  taken.push(await snapshotOf(repository, source));
  await clients.more(10);
  const between = instantOfMillis(Date.now());
  await clients.more(10);
  back = -3_600_000;
  taken.push(await snapshotOf(repository, source));
  await clients.more(10);
  const commits = await clients.stop();
  await stored(follower, postgres);
  const state = await stateOf(repository);
  const ids = taken.map(({ snapshot }) => snapshot.id);
  assert.deepEqual(
    state.snapshots.map(({ id }) => id),
    ids,
    'in the order they were taken',
  );
  assert.equal(state.ranges.length, 1);
  assert.equal(await Promise.race([follower.ended, 'follows']), 'follows');
  await using recovered = await recover({ repository, target: { kind: 'time', time: between } });
  assert.equal(recovered.resolution.snapshot.id, ids[1]);
  assertExactly({ recovered, commits, present: between, absent: between });
});
