import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import test from 'node:test';
import { instantOfMillis } from '../../src/content/instant.ts';
import { listLog } from '../../src/repository/log/list-log.ts';
import { temporaryRepository } from '../doubles/temporary-repository.ts';
import { snapshotOf, sourceOf } from '../recovery/scenario.ts';
import { startPostgres } from '../support/postgres.ts';
import { soak } from '../support/soak.ts';
import { follow, ofKind, stored, until } from './followed.ts';
import { createCommitsTable } from './numbered-commits.ts';
import { stateOf } from './recovered.ts';

/** Several of the server's own timeouts; in the soak run many of the follower's too. */
const IDLE_MS = soak(600_000, 9_000);
const SENDER_TIMEOUT = '4s';
/** A running-xacts record, a checkpoint: what an idle server writes all the same. */
const OWN_RECORDS = 4;

// Research §4.3 #25: the slot and the log stand still, and the follower is well.
test('an idle server: the covered time moves on by keepalives alone', {
  timeout: IDLE_MS + 120_000,
}, async () => {
  await using place = await temporaryRepository();
  const { repository } = place;
  const settings = { wal_sender_timeout: SENDER_TIMEOUT };
  await using postgres = await startPostgres({ major: 18, settings });
  const source = sourceOf(postgres);
  await createCommitsTable(postgres);
  await using follower = await follow({ repository, source });
  await follower.streaming;
  await snapshotOf(repository, source);
  await stored(follower, postgres);
  const lineage = follower.lineage.id;
  const pieces = async () => {
    let count = 0;
    for await (const _piece of listLog({ repository, lineage })) count++;
    return count;
  };
  const files = () => readdirSync(place.place.root, { recursive: true }).length;
  const throughTime = async () => (await stateOf(repository)).ranges.at(-1)?.throughTime ?? 0;
  const before = { pieces: await pieces(), files: files() };

  // Nobody asks the server for anything from here on.
  const begun = instantOfMillis(Date.now());
  const heard = () => ofKind(follower, 'keepalive').length;
  const moved = new Set<number>();
  for (let time = 0; time < begun + IDLE_MS * 1000; ) {
    const count = heard();
    await until('the server has answered', () => heard() > count);
    time = await throughTime();
    if (time > begun) moved.add(time);
    const late = Date.now() * 1000 - begun - IDLE_MS * 1000;
    assert.ok(late < 60_000_000, 'the idle time is covered');
  }
  assert.ok(moved.size >= 3, `it moved on ${moved.size} times, not at the end only`);
  assert.equal(ofKind(follower, 'disconnected').length, 0);
  assert.equal(follower.position.reconnects, 0);
  assert.ok((await pieces()) <= before.pieces + OWN_RECORDS, 'no piece without log');
  assert.ok(files() <= before.files + OWN_RECORDS + 4, 'no file without end');
});
