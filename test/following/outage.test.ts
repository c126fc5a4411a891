import assert from 'node:assert/strict';
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { faultyStore } from '../doubles/faulty-store.ts';
import { temporaryRepository } from '../doubles/temporary-repository.ts';
import { snapshotOf, sourceOf } from '../recovery/scenario.ts';
import { startPostgres } from '../support/postgres.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { follow, makeSynchronous, ofKind, stored, until } from './followed.ts';
import { createCommitsTable, lastOf, NumberedCommits } from './numbered-commits.ts';
import { assertExactly, recover } from './recovered.ts';

const timeout = 120_000;
const LEASE_TTL_MS = 1_500;

test('an outage of the repository does not end the following of an idle server', {
  timeout,
}, async () => {
  let down = false;
  await using place = await temporaryRepository({
    through: (store) => faultyStore(store, () => (down ? 'before' : undefined)),
  });
  const { repository } = place;
  await using postgres = await startPostgres({ major: 18 });
  const source = sourceOf(postgres);
  await createCommitsTable(postgres);
  await using follower = await follow({ repository, source, leaseTtlMs: LEASE_TTL_MS });
  using _up = { [Symbol.dispose]: () => (down = false) };
  await postgres.sql('insert into commits values (1)');
  await stored(follower, postgres);
  const said = () => ofKind(follower, 'flushed').length;
  await until('the server has spoken', () => said() > 2);
  down = true;
  const before = said();
  const outage = until('the server has spoken on', () => said() > before + 2).then(() => 'lived');
  const ended = follower.ended.then(() => 'ended');
  assert.equal(await Promise.race([outage, ended]), 'lived');
  down = false;
  await postgres.sql('insert into commits values (2)');
  await stored(follower, postgres);
  assert.equal(await Promise.race([follower.ended, 'lives']), 'lives');
});

test('an outage of the repository: commits go on, an alarm is given, nothing is lost', {
  timeout,
}, async () => {
  let down = false;
  await using place = await temporaryRepository({
    through: (store) => faultyStore(store, () => (down ? 'before' : undefined)),
  });
  const { repository } = place;
  await using postgres = await startPostgres({ major: 18, initdb: ['--wal-segsize=1'] });
  const source = sourceOf(postgres);
  await createCommitsTable(postgres);
  const journal = temporaryDirectory();
  await using follower = await follow({
    repository,
    source,
    journal,
    leaseTtlMs: LEASE_TTL_MS,
  });
  using _up = { [Symbol.dispose]: () => (down = false) };
  await makeSynchronous(postgres);
  await snapshotOf(repository, source);
  const clients = await NumberedCommits.start({ source });
  await clients.more(20);

  down = true;
  const before = clients.commits.length;
  for (let segment = 0; segment < 8; segment++) {
    await sleep(LEASE_TTL_MS / 4);
    await clients.more(5);
    await postgres.sql('select pg_switch_wal()');
  }
  assert.ok(clients.commits.length > before, 'synchronous commits went on over two lease times');
  assert.ok(ofKind(follower, 'upload-failed').length > 0, 'an alarm was given');
  const fullest = bytesBelow(journal);
  down = false;
  await clients.more(5);
  const commits = await clients.stop();
  await stored(follower, postgres);
  assert.equal(ofKind(follower, 'upload-recovered').length, 1);
  assert.ok(bytesBelow(journal) < fullest, 'the journal shrinks again');
  await postgres.kill9();
  await follower.stop();
  await using recovered = await recover({ repository, target: { kind: 'latest' } });
  assertExactly({ recovered, commits, present: lastOf(commits) });
});

function bytesBelow(directory: string): number {
  let total = 0;
  for (const name of readdirSync(directory, { recursive: true, encoding: 'utf8' })) {
    const found = statSync(join(directory, name));
    if (found.isFile()) total += found.size;
  }
  return total;
}
