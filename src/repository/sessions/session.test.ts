import assert from 'node:assert/strict';
import { test } from 'node:test';
import { testHost } from '../../../test/doubles/host.ts';
import { manualClock } from '../../../test/doubles/manual-clock.ts';
import { temporaryRepository } from '../../../test/doubles/temporary-repository.ts';
import { rejects } from '../../../test/store/conformance.ts';
import { isHoldfastError } from '../../errors/holdfast-error.ts';
import { endDeadSession, listSessions, Session } from './session.ts';

const LINEAGE = 'ab'.repeat(16);
const PARENT = 'cd'.repeat(16);

async function room() {
  const clock = manualClock();
  const made = await temporaryRepository({
    host: testHost({ clock }),
    through: (store) => clock.watch(store),
  });
  const begin = () =>
    Session.begin({
      repository: made.writer,
      lineage: LINEAGE,
      kind: 'write',
      parent: PARENT,
      holder: 'db1',
      ttlMs: 60_000,
    });
  return { ...made, clock, begin };
}

test('a session is listed with its parent while it lives, and gone when ended', async () => {
  await using made = await room();
  const { repository, clock, begin } = made;
  const session = await begin();
  const [seen, ...others] = await listSessions({ repository });
  assert.equal(others.length, 0);
  assert.ok(seen);
  const { version: _, modified: __, ...facts } = seen;
  assert.deepEqual(facts, {
    id: session.id,
    lineage: LINEAGE,
    kind: 'write',
    parent: PARENT,
    holder: 'db1',
    ttlMs: 60_000,
    started: clock.now(),
    beats: 0,
  });
  await clock.advance(100_000);
  const [later] = await listSessions({ repository });
  assert.equal(later?.beats, 5);
  assert.notEqual(later?.version, seen.version);
  await session.end();
  assert.deepEqual(await listSessions({ repository }), []);
});

test('a session that collection ended says so', async () => {
  await using made = await room();
  const { repository, clock, begin } = made;
  const session = await begin();
  const [seen] = await listSessions({ repository });
  assert.ok(seen);
  session.guard();
  await endDeadSession({ repository, session: seen });
  await clock.advance(30_000);
  assert.throws(
    () => session.guard(),
    (error: unknown) => isHoldfastError(error, 'SESSION_LOST'),
  );
  await session.end();
});

test('a session that beat meanwhile is not ended as dead', async () => {
  await using made = await room();
  const { repository, clock, begin } = made;
  const session = await begin();
  const [seen] = await listSessions({ repository });
  assert.ok(seen);
  await clock.advance(30_000);
  await rejects(endDeadSession({ repository, session: seen }), 'STORE_CHANGED');
  session.guard();
  await session.end();
});
