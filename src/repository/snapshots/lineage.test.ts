import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import fs from 'node:fs/promises';
import path from 'node:path';
import { test } from 'node:test';
import { failNthOf, faultyStore } from '../../../test/doubles/faulty-store.ts';
import { seededRandom } from '../../../test/doubles/host.ts';
import {
  assertSameFiles,
  captureFiles,
  type Files,
  PAGE,
  PAGED,
  restoreToMemory,
  STREAM,
} from '../../../test/repository/memory-files.ts';
import { temporaryRepository } from '../../../test/repository/temporary-repository.ts';
import { isHoldfastError } from '../../errors/holdfast-error.ts';
import type { Store } from '../../store/store.ts';
import type { Repository } from '../repository.ts';
import { Session } from '../sessions/session.ts';
import { deleteSnapshot, finishDeletions } from './delete-snapshot.ts';
import { listSnapshots } from './list-snapshots.ts';
import type { Snapshot } from './snapshot.ts';
import { beginSnapshot } from './snapshot-writer.ts';
import { putTombstone } from './tombstone.ts';

const lineage = 'ab'.repeat(16);
const code = (expected: Parameters<typeof isHoldfastError>[1]) => (error: unknown) =>
  isHoldfastError(error, expected);

/** A file of random pages, and what it becomes day after day. */
function days(count: number): Files[] {
  const result: Files[] = [];
  let bytes = randomBytes(40 * PAGE);
  for (let day = 0; day < count; day += 1) {
    bytes = Buffer.concat([bytes, randomBytes(PAGE)]);
    for (let page = day; page < 40; page += 7) randomBytes(PAGE).copy(bytes, page * PAGE);
    result.push(
      new Map([
        ['base/5/1', { shape: PAGED, bytes }],
        ['day', { shape: STREAM, bytes: Buffer.from(`day ${day}`) }],
      ]),
    );
  }
  return result;
}

async function take(options: {
  repository: Repository;
  files: Files;
  parent?: Snapshot | undefined;
  generation?: number;
}): Promise<Snapshot> {
  const { repository, files, parent, generation = 1 } = options;
  const against = parent === undefined ? {} : { parent };
  const begin = { repository, lineage, generation, workers: 1, packTarget: 100_000, ...against };
  await using writer = await beginSnapshot(begin);
  await captureFiles(writer, files);
  return await writer.commit({ engine: null });
}

async function takeAll(repository: Repository, all: Files[]): Promise<Snapshot[]> {
  const taken: Snapshot[] = [];
  for (const files of all) taken.push(await take({ repository, files, parent: taken.at(-1) }));
  return taken;
}

async function assertRestores(repository: Repository, snapshot: Snapshot, files: Files) {
  const expected = new Map([...files].map(([name, { bytes }]) => [name, bytes]));
  assertSameFiles(await restoreToMemory(repository, snapshot), expected);
}

async function objectsBelow(store: Store, ...prefixes: string[]): Promise<string[]> {
  const keys: string[] = [];
  for (const prefix of prefixes) for await (const { key } of store.list(prefix)) keys.push(key);
  return keys;
}

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
