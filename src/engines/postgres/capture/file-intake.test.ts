import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { FileIntake } from './file-intake.ts';
import { LimitBlocks } from './limit-blocks.ts';
import { relationFile } from './relation-path.ts';
import { MemorySnapshot } from './testing/memory-snapshot.ts';

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');

function received(...files: readonly (readonly [string, string])[]): FileIntake {
  const intake = new FileIntake({ sink: new MemorySnapshot(), pageSize: 8192 });
  intake.beginArchive('');
  for (const [path, content] of files) {
    intake.begin({ path, size: content.length, mode: 0o600 });
    for (const byte of content) intake.content(Buffer.from(byte));
    intake.end();
  }
  return intake;
}

const stated = (path: string, content: string) => ({
  path,
  size: content.length,
  sha256: sha256(content),
});

test('what came is held against what was sent', () => {
  const [a, b] = [['a', 'alpha'] as const, ['b', ''] as const];
  received(a, b).verify([stated(...a), stated(...b)]);
  const refuses = (
    intake: FileIntake,
    files: readonly ReturnType<typeof stated>[],
    message: RegExp,
  ) => assert.throws(() => intake.verify(files), { code: 'POSTGRES_MANIFEST_MISMATCH', message });
  refuses(received(a), [stated(...a), stated(...b)], /b: it is in the manifest but did not come/);
  refuses(received(a, b), [stated(...a)], /b: it came but is not/);
  refuses(received(a), [stated('a', 'alphabet')], /5 bytes came where 8/);
  refuses(received(a), [stated('a', 'omega')], /SHA-256/);
});

test('a member that comes twice is refused', () => {
  assert.throws(() => received(['a', '1'], ['a', '1']), { code: 'POSTGRES_ARCHIVE_INVALID' });
});

test('pg_control must come last', () => {
  assert.throws(() => received(['global/pg_control', 'x'], ['z', '1']).endArchive(), {
    code: 'POSTGRES_ARCHIVE_INVALID',
  });
  received(['z', '1'], ['global/pg_control', 'x']).endArchive();
});

test('an incremental file shorter than its header is refused', () => {
  const intake = new FileIntake({ sink: new MemorySnapshot(), pageSize: 8192 });
  intake.expectIncremental(new LimitBlocks(new Map()));
  intake.beginArchive('');
  intake.begin({ path: 'base/5/INCREMENTAL.16384', size: 8, mode: 0o600 });
  intake.content(Buffer.alloc(8));
  assert.throws(() => intake.end(), { code: 'POSTGRES_INCREMENTAL_INVALID' });
});

test('a file of that name outside of an incremental backup is a plain file', () => {
  const intake = received(['base/5/INCREMENTAL.16384', 'text']);
  intake.verify([stated('base/5/INCREMENTAL.16384', 'text')]);
});

test('relation segments by their path', () => {
  const file = (path: string) => {
    const found = relationFile(path);
    return found && [found.tablespace, found.database, found.filenode, found.fork, found.segment];
  };
  assert.deepEqual(file('base/5/16384'), [1663, 5, 16384, 'main', 0]);
  assert.deepEqual(file('base/5/16384_fsm.2'), [1663, 5, 16384, 'fsm', 2]);
  assert.deepEqual(file('global/1262_vm'), [1664, 0, 1262, 'vm', 0]);
  assert.deepEqual(file('pg_tblspc/16390/PG_17_202406281/5/2600_init'), [
    16390,
    5,
    2600,
    'init',
    0,
  ]);
  for (const other of [
    'global/pg_control',
    'base/5/PG_VERSION',
    'base/5/t3_16384',
    'base/5/pg_filenode.map',
    'pg_xact/0000',
    'base/5/16384.bak',
    'base/16384',
    'other/5/16384',
  ]) {
    assert.equal(file(other), undefined, other);
  }
});

test('limits reach into the segments of a relation', () => {
  const limits = new LimitBlocks(new Map([['1663/5/16384/0', 131_072 + 10]]));
  const limit = (path: string) => limits.forSegment(relationFile(path)!);
  assert.equal(limit('base/5/16384'), 131_082);
  assert.equal(limit('base/5/16384.1'), 10);
  assert.equal(limit('base/5/16384.2'), 0);
  assert.equal(limit('base/5/16384_init'), Number.POSITIVE_INFINITY);
});
