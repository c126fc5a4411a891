import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { test } from 'node:test';
import {
  assertSameFiles,
  captureFile,
  captureFiles,
  type Files,
  PAGE,
  PAGED,
  restoreToMemory,
  STREAM,
} from '../../../test/repository/memory-files.ts';
import { temporaryRepository } from '../../../test/repository/temporary-repository.ts';
import { isHoldfastError } from '../../errors/holdfast-error.ts';
import type { Repository } from '../repository.ts';
import type { FileEntry } from './file-entry.ts';
import { listSnapshots } from './list-snapshots.ts';
import { listFiles, readDocument } from './read-snapshot.ts';
import type { Snapshot } from './snapshot.ts';
import { type BeginSnapshotOptions, beginSnapshot } from './snapshot-writer.ts';

const lineage = 'ab'.repeat(16);

async function take(
  options: Omit<BeginSnapshotOptions, 'lineage' | 'generation' | 'workers'>,
  files: Files,
): Promise<Snapshot> {
  await using writer = await beginSnapshot({ lineage, generation: 1, workers: 2, ...options });
  await captureFiles(writer, files);
  return await writer.commit({ engine: { name: 'test' } });
}

const contents = (files: Files) => new Map([...files].map(([path, { bytes }]) => [path, bytes]));
const paged = (bytes: Buffer) => ({ shape: PAGED, bytes });
const stream = (bytes: Buffer | string) => ({ shape: STREAM, bytes: Buffer.from(bytes) });

async function entry(repository: Repository, snapshot: Snapshot, path: string) {
  for await (const found of listFiles({ repository, snapshot })) {
    if (found.path === path) return found as FileEntry;
  }
  throw new Error(`no ${path}`);
}

test('a snapshot restores byte for byte what was captured', async () => {
  await using temporary = await temporaryRepository();
  const { repository } = temporary;
  const files: Files = new Map([
    ['PG_VERSION', stream('18\n')],
    ['empty', stream('')],
    ['base/5/empty', paged(Buffer.alloc(0))],
    ['base/5/1', paged(randomBytes(100 * PAGE))],
    ['base/5/1_vm', paged(Buffer.concat([randomBytes(PAGE), Buffer.alloc(3 * PAGE)]))],
    ['base/5/odd', paged(randomBytes(2 * PAGE + 100))],
    ['base/5/zero', paged(Buffer.alloc(40 * PAGE))],
    ['pg_wal/stream', stream(randomBytes(3_000_001))],
    ['ünïcode 😀', stream('x')],
  ]);
  await using writer = await beginSnapshot({ repository, lineage, generation: 1, workers: 2 });
  writer.directory({ path: 'base', mode: 0o700 });
  await captureFiles(writer, files);
  writer.document('backup_label', Buffer.from('START WAL LOCATION'));
  const snapshot = await writer.commit({ engine: { name: 'test', list: [1, null] } });

  assertSameFiles(await restoreToMemory(repository, snapshot), contents(files));
  assert.equal(snapshot.sequence, 1);
  assert.equal(snapshot.stats.filesTotal, 9);
  assert.equal(snapshot.stats.pagesStored, 104);
  const { snapshots, offChain, damaged } = await listSnapshots({ repository, lineage });
  assert.deepEqual(snapshots, [snapshot]);
  assert.deepEqual([offChain, damaged], [[], []]);
  const label = await readDocument({ repository, snapshot, name: 'backup_label' });
  assert.equal(label.toString(), 'START WAL LOCATION');
  await assert.rejects(readDocument({ repository, snapshot, name: 'other' }), (error) =>
    isHoldfastError(error, 'DOCUMENT_ABSENT'),
  );
  const file = await entry(repository, snapshot, 'base/5/1');
  const bytes = files.get('base/5/1')?.bytes ?? '';
  assert.equal(file.sha256, createHash('sha256').update(bytes).digest('hex'));
});

test('a second snapshot stores only what differs, and both restore', async () => {
  await using temporary = await temporaryRepository();
  const { repository } = temporary;
  const big = randomBytes(500 * PAGE);
  const first: Files = new Map([
    ['base/5/1', paged(big)],
    ['base/5/2', paged(randomBytes(30 * PAGE))],
    ['base/5/gone', paged(randomBytes(3 * PAGE))],
    ['conf', stream('a = 1')],
    ['large', stream(randomBytes(1_500_000))],
  ]);
  const one = await take({ repository }, first);
  const changed = Buffer.concat([big, randomBytes(2 * PAGE)]);
  for (const page of [3, 4, 5, 250]) randomBytes(PAGE).copy(changed, page * PAGE);
  changed.fill(0, 7 * PAGE, 8 * PAGE);
  const second: Files = new Map([
    ['base/5/1', paged(changed)],
    ['base/5/2', first.get('base/5/2') ?? stream('')],
    ['conf', stream('a = 1')],
    ['large', first.get('large') ?? stream('')],
    ['new', stream('new')],
  ]);
  const two = await take({ repository, parent: one }, second);
  assert.equal(two.stats.pagesStored, 6);
  assert.equal(two.stats.pagesShared, 500 - 5 + 30);
  assert.equal(two.parent, one.id);
  assert.deepEqual(two.predecessor, { key: one.key, sha256: one.sha256 });

  // More than 1 MiB of a stream is not held back for a comparison, but stored again.
  const third = new Map([...second].filter(([path]) => path !== 'large'));
  const three = await take({ repository, parent: two }, third);
  const same = await take({ repository, parent: three }, third);
  assert.equal(same.stats.pagesStored, 0);
  assert.deepEqual(same.leaves, three.leaves, 'an unchanged file list is shared');
  for (const [snapshot, files] of [
    [one, first],
    [two, second],
    [three, third],
    [same, third],
  ] as const) {
    assertSameFiles(await restoreToMemory(repository, snapshot), contents(files));
  }
});

test('pages compose over the parent, and pages that did not really change are shared', async () => {
  await using temporary = await temporaryRepository();
  const { repository } = temporary;
  const base = randomBytes(64 * PAGE);
  const one = await take({ repository }, new Map([['f', paged(base)]]));

  // Truncated to 20 pages, then grown to 40; page 25 happens to be what it was before.
  const expected = Buffer.concat([base.subarray(0, 20 * PAGE), Buffer.alloc(20 * PAGE)]);
  const pages = Uint32Array.of(2, 3, 10, 25, 39);
  for (const page of [2, 10, 39]) randomBytes(PAGE).copy(expected, page * PAGE);
  base.copy(expected, 25 * PAGE, 25 * PAGE, 26 * PAGE);
  const content = Buffer.concat(
    [...pages].map((page) => expected.subarray(page * PAGE, (page + 1) * PAGE)),
  );
  await using writer = await beginSnapshot({ repository, lineage, generation: 1, parent: one });
  const basis = { kind: 'pages', pages, limit: 20 } as const;
  await captureFile(writer, { path: 'f', shape: PAGED, bytes: expected, basis, content });
  const two = await writer.commit({ engine: null });
  assert.equal(two.stats.pagesStored, 3);
  assertSameFiles(await restoreToMemory(repository, two), new Map([['f', expected]]));
  assert.equal((await entry(repository, two, 'f')).sha256, undefined);

  // A whole capture afterwards finds the composed hashes right.
  const three = await take({ repository, parent: two }, new Map([['f', paged(expected)]]));
  assert.equal(three.stats.pagesStored, 0);
  assertSameFiles(await restoreToMemory(repository, three), new Map([['f', expected]]));
});

test('a file truncated and extended to its old length with nothing written is zero there', async () => {
  await using temporary = await temporaryRepository();
  const { repository } = temporary;
  const base = randomBytes(10 * PAGE);
  const one = await take({ repository }, new Map([['f', paged(base)]]));
  const expected = Buffer.from(base).fill(0, 4 * PAGE);
  await using writer = await beginSnapshot({ repository, lineage, generation: 1, parent: one });
  const basis = { kind: 'pages', pages: new Uint32Array(0), limit: 4 } as const;
  const content = Buffer.alloc(0);
  await captureFile(writer, { path: 'f', shape: PAGED, bytes: expected, basis, content });
  const two = await writer.commit({ engine: null });
  assertSameFiles(await restoreToMemory(repository, two), new Map([['f', expected]]));
});

test('offsets beyond one gigabyte, without writing one', async () => {
  await using temporary = await temporaryRepository();
  const { repository } = temporary;
  const one = await take({ repository }, new Map([['f', paged(randomBytes(PAGE))]]));
  await using writer = await beginSnapshot({ repository, lineage, generation: 1, parent: one });
  const last = 800_000;
  const size = (last + 1) * PAGE;
  const pages = Uint32Array.of(last);
  const basis = { kind: 'pages', pages, limit: 1 } as const;
  writer.begin({ path: 'f', shape: PAGED, basis, size, mode: 0o600 });
  const content = randomBytes(PAGE);
  writer.write(content);
  writer.end();
  const two = await writer.commit({ engine: null });
  const file = await entry(repository, two, 'f');
  assert.equal(file.size, size);
  assert.ok(two.stats.bytesStored < 20_000);
  const offsets: number[] = [];
  const { restoreSnapshot } = await import('./restore-snapshot.ts');
  await restoreSnapshot({
    repository,
    snapshot: two,
    target: {
      directory: () => undefined,
      file: () => undefined,
      close: () => undefined,
      write: (_entry, offset, bytes) => {
        offsets.push(offset);
        if (offset > 0) assert.deepEqual(Buffer.from(bytes), content);
      },
    },
  });
  assert.deepEqual(
    offsets.sort((a, b) => a - b),
    [0, last * PAGE],
  );
});

test('ten thousand small files need few objects', async () => {
  await using temporary = await temporaryRepository();
  const { repository } = temporary;
  const files = new Map(
    Array.from({ length: 10_000 }, (_, index) => {
      const path = `base/${index % 7}/${index}`;
      return [path, index % 3 === 0 ? stream(`${index}`) : paged(randomBytes(PAGE))] as const;
    }),
  );
  const snapshot = await take({ repository }, files);
  assert.ok(snapshot.packs.length + snapshot.indexes.length <= 5);
  assertSameFiles(await restoreToMemory(repository, snapshot), contents(files));
  const again = await take({ repository, parent: snapshot }, files);
  assert.equal(again.stats.bytesStored, 0);
  assert.equal(again.indexes.length, snapshot.indexes.length, 'nothing new to index');
});

test('an engine that breaks the contract of the sink is stopped', async () => {
  await using temporary = await temporaryRepository();
  const { repository } = temporary;
  const internal = (error: unknown) => isHoldfastError(error, 'INTERNAL');
  await using writer = await beginSnapshot({ repository, lineage, generation: 1, workers: 1 });
  const file = { path: 'f', shape: STREAM, basis: { kind: 'whole' }, size: 3, mode: 0 } as const;
  writer.begin(file);
  assert.throws(() => writer.end(), internal, 'too few');
  assert.throws(() => writer.write(Buffer.alloc(4)), internal, 'too many');
  await using other = await beginSnapshot({ repository, lineage, generation: 1, workers: 1 });
  assert.throws(() => other.write(Buffer.alloc(1)), internal);
  assert.throws(() => other.end(), internal);
  for (const path of ['', '/f', 'a//b', '../f', 'a/..', 'a\0b', '\ud800']) {
    assert.throws(() => other.begin({ ...file, path }), internal, path);
  }
  const pages = { kind: 'pages', pages: Uint32Array.of(0), limit: 1 } as const;
  assert.throws(() => other.begin({ ...file, basis: pages }), internal, 'pages of a stream');
  assert.throws(
    () => other.begin({ ...file, shape: PAGED, size: PAGE, basis: pages }),
    internal,
    'pages without a parent',
  );
  other.directory({ path: 'd', mode: 0o700 });
  assert.throws(() => other.begin({ ...file, path: 'd' }), internal, 'twice');
  other.begin(file);
  await assert.rejects(other.commit({ engine: null }), internal);
});

test('a paged file that changes its page size or shape is stored anew', async () => {
  await using temporary = await temporaryRepository();
  const { repository } = temporary;
  const bytes = randomBytes(8 * PAGE);
  const one = await take({ repository }, new Map([['f', paged(bytes)]]));
  const small = { shape: { kind: 'paged', pageSize: 4096 } as const, bytes };
  const two = await take({ repository, parent: one }, new Map([['f', small]]));
  const three = await take({ repository, parent: two }, new Map([['f', stream(bytes)]]));
  assert.equal(two.stats.pagesStored, 16);
  for (const snapshot of [one, two, three]) {
    assertSameFiles(await restoreToMemory(repository, snapshot), new Map([['f', bytes]]));
  }
});

test('after abort nothing is written any more, and nothing can be', async () => {
  await using temporary = await temporaryRepository();
  let writing = 0;
  const { store } = temporary.repository;
  const slow = new Proxy(store, {
    get(target, name) {
      const value = Reflect.get(target, name);
      if (name !== 'put') return typeof value === 'function' ? value.bind(target) : value;
      return async (...put: Parameters<typeof store.put>) => {
        writing += 1;
        await new Promise((resolve) => setTimeout(resolve, 200));
        await store.put(...put);
        writing -= 1;
      };
    },
  });
  const repository = { ...temporary.repository, store: slow };
  const begin = { repository, lineage, generation: 1, workers: 1, packTarget: 100_000 };
  const writer = await beginSnapshot(begin);
  const bytes = randomBytes(200 * PAGE);
  await captureFile(writer, { path: 'f', shape: PAGED, bytes });
  await captureFile(writer, { path: 'g', shape: PAGED, bytes });
  while (writing === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  await writer.abort();
  assert.equal(writing, 0);
  const file = { path: 'h', shape: PAGED, basis: { kind: 'whole' }, size: 0, mode: 0 } as const;
  assert.throws(() => writer.begin(file));
  await assert.rejects(writer.commit({ engine: null }));
});
