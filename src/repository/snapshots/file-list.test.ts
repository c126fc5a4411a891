import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { isHoldfastError } from '../../errors/holdfast-error.ts';
import { decodeEntry, encodeEntry, type SnapshotEntry } from './file-entry.ts';
import { cutLeaves, decodeLeaf, encodeLeaf } from './file-leaf.ts';
import { comparePaths } from './paths.ts';

const corrupt = (error: unknown) => isHoldfastError(error, 'OBJECT_CORRUPT');
const blob = { object: 'cd'.repeat(16), number: 3, offset: 70_000, length: 900 };
const entries: SnapshotEntry[] = [
  { kind: 'directory', path: 'base', mode: 0o700 },
  {
    kind: 'file',
    path: 'base/5/1',
    shape: { kind: 'paged', pageSize: 8192 },
    size: 2 ** 40,
    mode: 0o600,
    map: { kind: 'blob', blob },
    hashes: { kind: 'blob', blob },
  },
  {
    kind: 'file',
    path: 'base/5/PG_VERSION',
    shape: { kind: 'stream' },
    size: 3,
    mode: 0o644,
    sha256: 'ef'.repeat(32),
    map: { kind: 'inline', bytes: Buffer.from([1, 2, 3]) },
  },
];

test('entries come back as they went; cut anywhere they are corrupt', () => {
  for (const entry of entries) {
    const bytes = encodeEntry(entry);
    assert.deepEqual(decodeEntry({ path: entry.path, bytes, object: 'test' }), entry);
    for (let length = 0; length < bytes.length; length += 1) {
      const cut = { path: entry.path, bytes: bytes.subarray(0, length), object: 'test' };
      assert.throws(() => decodeEntry(cut), corrupt);
    }
  }
});

test('a leaf comes back as it went; cut anywhere it is corrupt', () => {
  const leaf = entries.map((entry) => ({ path: entry.path, bytes: encodeEntry(entry) }));
  const bytes = encodeLeaf(leaf);
  assert.deepEqual(decodeLeaf(bytes, 'test'), leaf);
  for (let length = 0; length < bytes.length; length += 1) {
    assert.throws(() => decodeLeaf(bytes.subarray(0, length), 'test'), corrupt);
  }
  assert.throws(() => decodeLeaf(encodeLeaf([...leaf].reverse()), 'test'), corrupt);
});

test('paths are in the order of their UTF-8 bytes', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), (a, b) => {
      const expected = Buffer.compare(Buffer.from(a), Buffer.from(b));
      assert.equal(Math.sign(comparePaths(a, b)), expected);
    }),
  );
});

test('a change in one place leaves the other leaves as they were', () => {
  const list = (changed: number) =>
    Array.from({ length: 20_000 }, (_, index) => ({
      path: `base/${index.toString().padStart(6, '0')}`,
      bytes: Buffer.from(index === changed ? 'changed' : 'same'),
    }));
  const leaves = (of: ReturnType<typeof list>) =>
    [...cutLeaves(of)].map((leaf) => encodeLeaf(leaf).toString('hex'));
  const before = new Set(leaves(list(-1)));
  assert.ok(before.size > 40 && before.size < 160, `${before.size} leaves`);
  const inserted = list(-1);
  inserted.splice(9000, 0, { path: 'base/008999x', bytes: Buffer.from('new') });
  for (const after of [leaves(list(9000)), leaves(inserted)]) {
    assert.equal(after.filter((leaf) => !before.has(leaf)).length, 1);
  }
});
