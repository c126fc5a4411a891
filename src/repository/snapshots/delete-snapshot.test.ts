import assert from 'node:assert/strict';
import fs from 'node:fs/promises';
import path from 'node:path';
import { test } from 'node:test';
import { failNthOf, faultyStore } from '../../../test/doubles/faulty-store.ts';
import { seededRandom } from '../../../test/doubles/host.ts';
import {
  assertRestores,
  code,
  days,
  lineage,
  objectsBelow,
  take,
  takeAll,
} from '../../../test/repository/days.ts';
import { captureFiles, type Files } from '../../../test/repository/memory-files.ts';
import { temporaryRepository } from '../../../test/repository/temporary-repository.ts';
import { Session } from '../sessions/session.ts';
import { deleteSnapshot, finishDeletions } from './delete-snapshot.ts';
import { listSnapshots } from './list-snapshots.ts';
import type { Snapshot } from './snapshot.ts';
import { beginSnapshot } from './snapshot-writer.ts';
import { putTombstone } from './tombstone.ts';

test('snapshots deleted in any order leave all the others restorable, and nothing at the end', async () => {
  await using temporary = await temporaryRepository();
  const { repository } = temporary;
  const files = days(7);
  const taken = await takeAll(repository, files);
  const random = seededRandom('deletions');
  const alive = new Map(taken.map((snapshot, day) => [snapshot, files[day] as Files]));
  while (alive.size > 0) {
    const nth = random.bytes(4).readUInt32BE() % alive.size;
    const victim = [...alive.keys()][nth] as Snapshot;
    const { blockedBy } = await deleteSnapshot({ repository, snapshot: victim });
    assert.deepEqual(blockedBy, []);
    alive.delete(victim);
    const { snapshots, offChain, damaged } = await listSnapshots({ repository, lineage });
    assert.deepEqual(snapshots, [...alive.keys()]);
    assert.deepEqual([offChain, damaged], [[], []]);
    for (const [snapshot, content] of alive) await assertRestores(repository, snapshot, content);
  }
  assert.deepEqual(await objectsBelow(repository.store, 'packs/', 'maps/'), []);
  // The chain goes on over the tombstones.
  const next = await take({ repository, files: files[0] as Files });
  assert.equal(next.sequence, 8);
  assert.equal(next.predecessor?.key, taken[6]?.key);
  assert.deepEqual((await listSnapshots({ repository, lineage })).snapshots, [next]);
});

test('a deletion that dies at any change is finished later', async () => {
  const files = days(3);
  for (const operation of ['put', 'remove'] as const) {
    for (let nth = 1; nth <= 3; nth += 1) {
      await using temporary = await temporaryRepository();
      const { repository } = temporary;
      const taken = await takeAll(repository, files);
      const store = faultyStore(repository.store, failNthOf(operation, nth, 'before'));
      const dying = { repository: { ...repository, store }, snapshot: taken[1] as Snapshot };
      const died = await deleteSnapshot(dying).then(
        () => false,
        () => true,
      );
      if (operation === 'put' && nth > 1) assert.ok(!died);
      const { snapshots } = await listSnapshots({ repository, lineage });
      if (operation === 'remove') assert.deepEqual(snapshots, [taken[0], taken[2]]);
      await finishDeletions({ repository, lineage });
      for (const day of [0, 2]) {
        await assertRestores(repository, taken[day] as Snapshot, files[day] as Files);
      }
      const next = await take({ repository, files: files[1] as Files, parent: taken[2] });
      await assertRestores(repository, next, files[1] as Files);
    }
  }
});

// Trap 15.
test('a snapshot that a session builds on or reads is not deleted', async () => {
  await using temporary = await temporaryRepository();
  const { repository } = temporary;
  const [one] = await takeAll(repository, days(1));
  assert.ok(one !== undefined);
  const of = { repository, lineage, parent: one.id, holder: 'test' } as const;
  const session = await Session.begin({ ...of, kind: 'read' });
  await assert.rejects(deleteSnapshot({ repository, snapshot: one }), code('SNAPSHOT_IN_USE'));
  assert.equal((await listSnapshots({ repository, lineage })).snapshots.length, 1);
  await session.end();
  await deleteSnapshot({ repository, snapshot: one });
});

test('a backup whose parent is deleted under it is not committed', async () => {
  await using temporary = await temporaryRepository();
  const { repository } = temporary;
  const files = days(2);
  const one = await take({ repository, files: files[0] as Files });
  await using writer = await beginSnapshot({ repository, lineage, generation: 1, parent: one });
  await captureFiles(writer, files[0] as Files);
  await deleteSnapshot({ repository, snapshot: one });
  await assert.rejects(writer.commit({ engine: null }), (error) => {
    return code('SNAPSHOT_INCOMPLETE')(error) || code('SNAPSHOT_PARENT_DELETED')(error);
  });
  const again = beginSnapshot({ repository, lineage, generation: 1, parent: one });
  await assert.rejects(again, code('SNAPSHOT_PARENT_DELETED'));
});

test('a parent whose deletion has begun is not built on, though all its objects are there', async () => {
  await using temporary = await temporaryRepository();
  const { repository } = temporary;
  const files = days(1)[0] as Files;
  const one = await take({ repository, files });
  await using writer = await beginSnapshot({ repository, lineage, generation: 1, parent: one });
  await captureFiles(writer, files);
  await putTombstone(repository, one);
  await assert.rejects(writer.commit({ engine: null }), code('SNAPSHOT_PARENT_DELETED'));
});

test('a commit that cannot be read protects what it may rely on', async () => {
  await using temporary = await temporaryRepository();
  const { repository, root } = temporary;
  const files = days(3);
  const [one, two, three] = await takeAll(repository, files);
  assert.ok(one && two && three);
  const file = path.join(root, two.key);
  const good = await fs.readFile(file);
  await fs.writeFile(file, good.subarray(0, good.length - 40));
  const deletion = await deleteSnapshot({ repository, snapshot: one });
  assert.deepEqual(deletion, { objects: 0, bytes: 0, blockedBy: [two.key] });
  await fs.writeFile(file, good);
  const { objects } = await finishDeletions({ repository, lineage });
  assert.ok(objects > 0);
  await assertRestores(repository, two, files[1] as Files);
});
