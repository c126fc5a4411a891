import assert from 'node:assert/strict';
import test from 'node:test';
import { instant } from '../../src/content/instant.ts';
import { faultyStore } from '../doubles/faulty-store.ts';
import { temporaryRepository } from '../doubles/temporary-repository.ts';
import { snapshotOf, sourceOf } from '../recovery/scenario.ts';
import { startPostgres } from '../support/postgres.ts';
import { flushedLsn, follow, ofKind, SLOT, stored, until } from './followed.ts';
import { createCommitsTable, NumberedCommits } from './numbered-commits.ts';
import { assertExactly, recover, stateOf } from './recovered.ts';

const timeout = 120_000;
const SEGMENTS = 48;

test('a follower that is far behind promises no time whose commits it does not hold', {
  timeout,
}, async () => {
  let allowed = Number.POSITIVE_INFINITY;
  await using place = await temporaryRepository({
    through: (store) =>
      faultyStore(store, ({ operation, key }) => {
        if (operation !== 'put' || !/\/log\/1\//.test(key)) return undefined;
        allowed -= 1;
        return allowed < 0 ? 'before' : undefined;
      }),
  });
  const { repository } = place;
  await using postgres = await startPostgres({ major: 18, initdb: ['--wal-segsize=1'] });
  const source = sourceOf(postgres);
  await createCommitsTable(postgres);
  await postgres.sql(`select pg_create_physical_replication_slot('${SLOT}', true)`);
  await snapshotOf(repository, source);
  const clients = await NumberedCommits.start({ source, pauseMs: 1 });
  for (let segment = 0; segment < SEGMENTS; segment++) {
    await clients.more(4);
    await postgres.sql('select pg_switch_wal()');
  }
  const commits = await clients.stop();

  allowed = SEGMENTS - 12;
  await using follower = await follow({ repository, source });
  using _open = { [Symbol.dispose]: () => (allowed = Number.POSITIVE_INFINITY) };
  const end = await flushedLsn(postgres);
  await until('the journal has it all', () => (follower.position.flushed?.lsn ?? 0n) >= end);
  await until('uploads have come to their stop', () => allowed < -1);
  await until('it was heard and reported', () => ofKind(follower, 'keepalive').length > 2);
  const [range] = (await stateOf(repository)).ranges;
  assert.ok(range);
  assert.ok(range.to < end, 'the repository does not hold it all');
  await using recovered = await recover({
    repository,
    target: { kind: 'time', time: range.throughTime },
  });
  const held = commits.filter(({ id }) => recovered.ids.has(id)).length;
  assert.ok(held < commits.length, `${held} of ${commits.length} commits are held`);
  assertExactly({ recovered, commits, present: range.throughTime });

  allowed = Number.POSITIVE_INFINITY;
  await stored(follower, postgres);
  await follower.stop();
  const after = (await stateOf(repository)).ranges[0]?.throughTime ?? 0;
  const last = commits.reduce((latest, { sent }) => Math.max(latest, sent), 0);
  assert.ok(after >= instant(last), 'once all is stored, all of it is promised');
});
