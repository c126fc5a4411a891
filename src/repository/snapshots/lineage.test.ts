import assert from 'node:assert/strict';
import fs from 'node:fs/promises';
import path from 'node:path';
import { test } from 'node:test';
import { failNthOf, faultyStore } from '../../../test/doubles/faulty-store.ts';
import { testHost } from '../../../test/doubles/host.ts';
import {
  assertRestores,
  code,
  days,
  lineage,
  objectsBelow,
  take,
  takeAll,
} from '../../../test/repository/days.ts';
import type { Files } from '../../../test/repository/memory-files.ts';
import { temporaryRepository } from '../../../test/repository/temporary-repository.ts';
import { machine } from '../../host/host.ts';
import type { Store } from '../../store/store.ts';
import { deleteSnapshot } from './delete-snapshot.ts';
import { listSnapshots } from './list-snapshots.ts';

test('damaged, rewritten, foreign and missing commits are named beside the sound ones', async () => {
  await using temporary = await temporaryRepository();
  await using other = await temporaryRepository();
  const { repository, root } = temporary;
  const [one, two, three] = await takeAll(repository, days(3));
  assert.ok(one && two && three);
  const list = () => listSnapshots({ repository, lineage });
  const file = path.join(root, two.key);
  const good = await fs.readFile(file);

  const bits = [10, 100, 400, good.length - 300, good.length - 20];
  for (const at of bits) {
    const bad = Buffer.from(good);
    bad[at] = (bad[at] as number) ^ 1;
    await fs.writeFile(file, bad);
    const { snapshots, damaged } = await list();
    assert.deepEqual(snapshots, [one, three], `byte ${at}`);
    assert.deepEqual(
      damaged.map(({ key, error }) => [key, error.kind]),
      [[two.key, 'corrupt']],
    );
  }
  const [foreign] = await takeAll(other.repository, days(1));
  assert.ok(foreign !== undefined);
  for (const [from, key] of [
    [other.root, foreign.key],
    [root, three.key],
  ] as const) {
    await fs.copyFile(path.join(from, key), file);
    assert.deepEqual(
      (await list()).damaged.map(({ key: named }) => named),
      [two.key],
    );
  }
  await fs.rm(file);
  const { snapshots, damaged } = await list();
  assert.deepEqual(snapshots, [one, three]);
  assert.deepEqual(
    damaged.map(({ key, error }) => [key, error.code]),
    [[two.key, 'STORE_ABSENT']],
  );
  await fs.writeFile(path.join(root, path.dirname(two.key), '.stray'), 'x');
  assert.equal((await list()).damaged.length, 1);
});

// Research §4.3 #40: labels made of the clock's seconds collided.
test('ids and order come from no clock: snapshots of one instant, and of an earlier one', async () => {
  let now = machine.clock.now();
  const host = testHost({ clock: { ...machine.clock, now: () => now } });
  await using temporary = await temporaryRepository(host);
  const { repository } = temporary;
  const [a, b, c, d] = days(4) as [Files, Files, Files, Files];
  const one = await take({ repository, files: a });
  const two = await take({ repository, files: b, parent: one });
  const three = await take({ repository, files: c, parent: two });
  now -= 86_400_000;
  const four = await take({ repository, files: d, parent: three });
  assert.equal(new Set([one.id, two.id, three.id, four.id]).size, 4);
  const { snapshots, damaged } = await listSnapshots({ repository, lineage });
  assert.deepEqual([snapshots, damaged], [[one, two, three, four], []]);
  await assertRestores(repository, four, d);
  await assertRestores(repository, one, a);
});

// Trap 16.
test('a late commit of a replaced writer is reported and not listed', async () => {
  await using temporary = await temporaryRepository();
  const { repository, root } = temporary;
  const files = days(1)[0] as Files;
  const one = await take({ repository, files });
  const late = await take({ repository, files, parent: one });
  const bytes = await fs.readFile(path.join(root, late.key));
  await fs.rm(path.join(root, late.key));
  const replacing = await take({ repository, files, parent: one, generation: 2 });
  await fs.writeFile(path.join(root, late.key), bytes);
  const { snapshots, offChain } = await listSnapshots({ repository, lineage });
  assert.deepEqual(snapshots, [one, replacing]);
  assert.deepEqual(offChain, [late.key]);
  // The replaced writer finds out, too.
  await assert.rejects(take({ repository, files, parent: one }), code('SNAPSHOT_SUPERSEDED'));
  // What the late commit relies on is kept until a person decides.
  const next = await take({ repository, files, parent: replacing, generation: 2 });
  assert.equal(next.sequence, 3);
});

/** The store with something happening around every PUT of a commit. */
function aroundCommits(store: Store, around: (put: () => Promise<void>) => Promise<void>): Store {
  const put: Store['put'] = (key, body) => {
    const act = () => store.put(key, body);
    return key.includes('/snapshots/') ? around(act) : act();
  };
  return new Proxy(store, {
    get(target, name) {
      if (name === 'put') return put;
      const value = Reflect.get(target, name);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

test('a lost answer to the commit is success; another commit in its place is not', async () => {
  await using temporary = await temporaryRepository();
  const { repository } = temporary;
  const files = days(1)[0] as Files;
  // What a retrying client sees: its own first attempt took effect.
  const repeating = aroundCommits(repository.store, async (put) => {
    await put();
    await put();
  });
  const one = await take({ repository: { ...repository, store: repeating }, files });
  await assertRestores(repository, one, files);
  assert.equal((await listSnapshots({ repository, lineage })).snapshots.length, 1);

  const racing = aroundCommits(repository.store, async (put) => {
    await take({ repository, files, parent: one });
    await put();
  });
  const loser = take({ repository: { ...repository, store: racing }, files, parent: one });
  await assert.rejects(loser, code('SNAPSHOT_SUPERSEDED'));
});

test('a commit refuses when an object it relies on is gone or cut', async () => {
  await using temporary = await temporaryRepository();
  const { repository, root } = temporary;
  const files = days(1)[0] as Files;
  const one = await take({ repository, files });
  const [key] = await objectsBelow(repository.store, 'packs/');
  const file = path.join(root, key as string);
  const good = await fs.readFile(file);
  await fs.writeFile(file, good.subarray(1));
  await assert.rejects(take({ repository, files, parent: one }), code('SNAPSHOT_INCOMPLETE'));
  await fs.rm(file);
  await assert.rejects(take({ repository, files, parent: one }), code('SNAPSHOT_INCOMPLETE'));
  await fs.writeFile(file, good);
  await take({ repository, files, parent: one });
});

test('whatever PUT fails, older snapshots restore and the next backup works', async () => {
  await using temporary = await temporaryRepository();
  const { repository } = temporary;
  const files = days(3);
  const one = await take({ repository, files: files[0] as Files });
  let failed = 0;
  for (const fault of ['before', 'after'] as const) {
    for (let nth = 1; ; nth += 1) {
      const store = faultyStore(repository.store, failNthOf('put', nth, fault));
      const dying = take({
        repository: { ...repository, store },
        files: files[1] as Files,
        parent: one,
      });
      const result = await dying.catch((error: unknown) => error);
      const { snapshots, damaged, offChain } = await listSnapshots({ repository, lineage });
      assert.deepEqual([damaged, offChain], [[], []]);
      for (const snapshot of snapshots.slice(1)) {
        await assertRestores(repository, snapshot, files[1] as Files);
      }
      if (!(result instanceof Error)) break;
      failed += 1;
      assert.ok(code('STORE_TRANSIENT')(result));
      await assertRestores(repository, one, files[0] as Files);
      const next = await take({ repository, files: files[2] as Files, parent: one });
      await assertRestores(repository, next, files[2] as Files);
      await deleteSnapshot({ repository, snapshot: next });
    }
  }
  assert.ok(failed >= 6, `${failed} crash points`);
});
