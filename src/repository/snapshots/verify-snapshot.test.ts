import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import fs from 'node:fs/promises';
import path from 'node:path';
import { test } from 'node:test';
import { failNthOf, faultyStore } from '../../../test/doubles/faulty-store.ts';
import { testHost } from '../../../test/doubles/host.ts';
import { manualClock } from '../../../test/doubles/manual-clock.ts';
import {
  captureFiles,
  type Files,
  PAGE,
  PAGED,
  restoreToMemory,
  STREAM,
} from '../../../test/repository/memory-files.ts';
import { temporaryRepository } from '../../../test/repository/temporary-repository.ts';
import { isHoldfastError } from '../../errors/holdfast-error.ts';
import { packKey } from '../packs/pack-trailer.ts';
import type { Repository } from '../repository.ts';
import { indexKey } from './blob.ts';
import type { Snapshot } from './snapshot.ts';
import { beginSnapshot } from './snapshot-writer.ts';
import type { VerifyLevel } from './verify-report.ts';
import { verifySnapshot } from './verify-snapshot.ts';

const lineage = 'ab'.repeat(16);
const LEVELS: VerifyLevel[] = ['V0', 'V1', 'V2', 'V3'];

const files: Files = new Map([
  ['base/5/1', { shape: PAGED, bytes: randomBytes(60 * PAGE) }],
  ['base/5/2', { shape: PAGED, bytes: Buffer.concat([randomBytes(PAGE), Buffer.alloc(PAGE)]) }],
  ['conf', { shape: STREAM, bytes: Buffer.from('a = 1') }],
]);

async function take(repository: Repository, packTarget = 200_000): Promise<Snapshot> {
  const begin = { repository, lineage, generation: 1, workers: 1, packTarget };
  await using writer = await beginSnapshot(begin);
  await captureFiles(writer, files);
  writer.document('label', Buffer.from('label'));
  return await writer.commit({ engine: null });
}

const verify = (repository: Repository, snapshot: Snapshot, level: VerifyLevel) =>
  verifySnapshot({ repository, snapshot, level, workers: 1 });

test('a sound snapshot passes every level, and V0 to V2 without the data key', async () => {
  await using temporary = await temporaryRepository();
  const { repository } = temporary;
  const snapshot = await take(repository);
  const writer = await temporary.through({ role: 'writer' });
  for (const level of LEVELS) {
    const report = await verify(level === 'V3' ? repository : writer, snapshot, level);
    assert.deepEqual([report.ok, report.problems], [true, []], level);
    if (level === 'V1') assert.equal(report.objectsRead, snapshot.packs.length + 1);
    if (level === 'V3') assert.deepEqual([report.pagesChecked, report.filesChecked], [61, 3]);
  }
  await assert.rejects(verify(writer, snapshot, 'V3'), (error) =>
    isHoldfastError(error, 'KEY_WRITE_ONLY'),
  );
});

test('each level finds what it promises to find, and names it', async () => {
  await using temporary = await temporaryRepository();
  const { repository, root } = temporary;
  const snapshot = await take(repository);
  const pack = largestPack(snapshot);
  const index = indexKey(snapshot.indexes[0]?.id ?? '');
  const flip = (at: (length: number) => number) => (good: Buffer) => {
    const bad = Buffer.from(good);
    bad[at(good.length)] = (bad[at(good.length)] as number) ^ 4;
    return bad;
  };
  const cases: [string, string, (good: Buffer) => Buffer | undefined, VerifyLevel[]][] = [
    ['gone', pack, () => undefined, ['V0', 'V1', 'V2', 'V3']],
    ['cut', pack, (good) => good.subarray(0, -1), ['V0', 'V1', 'V2', 'V3']],
    ['content', pack, flip((length) => length >> 2), ['V1', 'V3']],
    ['trailer', pack, flip((length) => length - 30), ['V1', 'V2', 'V3']],
    ['footer', pack, flip((length) => length - 200), ['V1', 'V2', 'V3']],
    ['index gone', index, () => undefined, ['V0', 'V1', 'V2', 'V3']],
    ['index', index, flip(() => 40), ['V1', 'V3']],
  ];
  for (const [name, key, change, levels] of cases) {
    const file = path.join(root, key);
    const good = await fs.readFile(file);
    const bad = change(good);
    if (bad === undefined) await fs.rm(file);
    else await fs.writeFile(file, bad);
    for (const level of LEVELS) {
      // The day on which V2 reads none of these objects whole.
      const report = await verify(onQuietDay(repository, snapshot), snapshot, level);
      assert.equal(report.ok, !levels.includes(level), `${name} ${level}`);
      for (const problem of report.problems) assert.equal(problem.object, key, `${name} ${level}`);
    }
    await fs.writeFile(file, good);
  }
  const damaged = path.join(root, pack);
  await fs.writeFile(damaged, flip((length) => length >> 2)(await fs.readFile(damaged)));
  const { problems } = await verify(repository, snapshot, 'V3');
  assert.ok(problems[0]?.paths.includes('base/5/1'), 'the files that need it are named');
});

function largestPack(snapshot: Snapshot): string {
  const [largest] = [...snapshot.packs].sort((a, b) => b.size - a.size);
  return packKey(largest?.id ?? '');
}

/** A repository whose clock shows a day on which no object of the snapshot is due. */
function onQuietDay(repository: Repository, snapshot: Snapshot): Repository {
  const due = new Set(
    [...snapshot.packs, ...snapshot.indexes].map(
      ({ id }) => Number.parseInt(id.slice(0, 8), 16) % 30,
    ),
  );
  const day = Array.from({ length: 30 }, (_, number) => number).find((number) => !due.has(number));
  const clock = manualClock((day as number) * 86_400_000);
  return { ...repository, host: testHost({ clock }) };
}

test('V2 reads every object whole once in thirty days', async () => {
  await using temporary = await temporaryRepository();
  const { repository } = temporary;
  const snapshot = await take(repository, 1000);
  let read = 0;
  for (let day = 0; day < 30; day += 1) {
    const host = testHost({ clock: manualClock(day * 86_400_000) });
    const report = await verify({ ...repository, host }, snapshot, 'V2');
    assert.ok(report.ok);
    read += report.objectsRead;
  }
  assert.equal(read, snapshot.packs.length + snapshot.indexes.length);
});

test('V3 gives every stored page to the engine and reports what it says', async () => {
  await using temporary = await temporaryRepository();
  const { repository } = temporary;
  const snapshot = await take(repository);
  const seen = new Set<string>();
  const report = await verifySnapshot({
    repository,
    snapshot,
    level: 'V3',
    workers: 1,
    checkPage: ({ path: name, number, bytes }) => {
      seen.add(`${name} ${number}`);
      const file = files.get(name)?.bytes ?? Buffer.alloc(0);
      assert.deepEqual(bytes, file.subarray(number * PAGE, (number + 1) * PAGE));
      return number === 59 ? 'checksum' : undefined;
    },
  });
  assert.equal(seen.size, 61);
  assert.deepEqual(
    report.problems.map(({ reason, page, paths }) => ({ reason, page, paths })),
    [{ reason: 'checksum', page: 59, paths: ['base/5/1'] }],
  );
});

test('a store that does not answer is not reported as damage', async () => {
  await using temporary = await temporaryRepository();
  const { repository } = temporary;
  const snapshot = await take(repository);
  for (const level of LEVELS) {
    const operation = level === 'V0' ? 'list' : 'get';
    const store = faultyStore(repository.store, failNthOf(operation, 1, 'before'));
    // A quiet day would not read objects, but tails are read on every day.
    const run = verify({ ...repository, store }, snapshot, level);
    await assert.rejects(run, (error) => isHoldfastError(error, 'STORE_TRANSIENT'), level);
  }
});

test('an abort stops the reading, not only the waiting', async () => {
  await using temporary = await temporaryRepository();
  const { repository } = temporary;
  const snapshot = await take(repository, 30_000);
  for (const level of ['V1', 'V3'] as const) {
    const readsUntil = async (stop: AbortController | undefined) => {
      let reads = 0;
      const store = faultyStore(repository.store, ({ operation, key }) => {
        if (operation !== 'get' || !key.startsWith('packs/')) return undefined;
        reads += 1;
        stop?.abort();
        return undefined;
      });
      const run = { repository: { ...repository, store }, snapshot, level, workers: 1 };
      if (stop === undefined) await verifySnapshot(run);
      else {
        const aborted = verifySnapshot({ ...run, signal: stop.signal });
        await assert.rejects(aborted, { name: 'AbortError' });
      }
      return reads;
    };
    const all = await readsUntil(undefined);
    const some = await readsUntil(new AbortController());
    assert.ok(some < all, `${level}: ${some} reads of ${all}`);
  }
});

// Trap 3.
test("a map that points at another file's frame is refused, never wrong pages", async () => {
  await using temporary = await temporaryRepository();
  const { repository } = temporary;
  const snapshot = await take(repository);
  const { IndexReader } = await import('./index-reader.ts');
  const { readFileList } = await import('./file-list.ts');
  const { RestorePlan } = await import('./restore-plan.ts');
  const { readContent } = await import('./read-content.ts');
  const { readMap } = await import('./stored-content.ts');
  const { FramePool } = await import('../frames/frame-pool.ts');
  const { BufferPool } = await import('../packs/buffer-pool.ts');
  const { ByteBudget } = await import('../packs/byte-budget.ts');
  const index = new IndexReader({ repository, lineage });
  await using pool = new FramePool({ workers: 1 });
  for await (const entry of readFileList(index, snapshot.leaves)) {
    if (entry.kind !== 'file' || entry.path !== 'base/5/2') continue;
    const { extents } = await readMap(index, entry);
    const moved = extents.map((extent) => {
      const at = extent.at && { ...extent.at, position: extent.at.position - 1 };
      return { ...extent, at };
    });
    const plan = new RestorePlan();
    plan.add(entry, moved);
    const budget = new ByteBudget(1 << 24);
    const pieces: unknown[] = [];
    const buffers = new BufferPool({ keepBytes: 1 << 24 });
    const read = { repository, snapshot, plan, pool, budget, buffers };
    const reading = readContent({ ...read, onPiece: (piece) => void pieces.push(piece) });
    await assert.rejects(reading, (error) => isHoldfastError(error, 'OBJECT_CORRUPT'));
    assert.deepEqual(pieces, []);
    return;
  }
  assert.fail('the file was not found');
});

test('restore stops at damage with the name of the pack', async () => {
  await using temporary = await temporaryRepository();
  const { repository, root } = temporary;
  const snapshot = await take(repository);
  const key = largestPack(snapshot);
  const bytes = await fs.readFile(path.join(root, key));
  const middle = bytes.length >> 2;
  bytes[middle] = (bytes[middle] as number) ^ 1;
  await fs.writeFile(path.join(root, key), bytes);
  const named = (expected: string) => (error: unknown) =>
    isHoldfastError(error) &&
    error.code === expected &&
    (error.facts.object === key || error.facts.key === key);
  await assert.rejects(restoreToMemory(repository, snapshot), named('OBJECT_CORRUPT'));
  await fs.rm(path.join(root, key));
  await assert.rejects(restoreToMemory(repository, snapshot), named('STORE_ABSENT'));
});
