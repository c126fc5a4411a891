import assert from 'node:assert/strict';
import fs from 'node:fs/promises';
import path from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { failNthOf, faultyStore } from '../../../test/doubles/faulty-store.ts';
import { seededRandom } from '../../../test/doubles/host.ts';
import {
  type TemporaryRepository,
  temporaryRepository,
} from '../../../test/doubles/temporary-repository.ts';
import { rejects } from '../../../test/store/conformance.ts';
import { isHoldfastError } from '../../errors/holdfast-error.ts';
import type { Repository } from '../repository.ts';
import { listLog } from './list-log.ts';
import type { LogPiece } from './log-piece.ts';
import { putLogPiece } from './put-log.ts';
import { readLogIndex, readLogPiece } from './read-log.ts';
import { readLogSegment } from './segment.ts';

const LINEAGE = 'ab'.repeat(16);
const SEGMENT = '000000010000000000000003';
const SIZE = 16 << 20;

/** Log-like bytes: repetitive, then random, then zero. */
function content(length: number, seed = 'content'): Buffer {
  const bytes = Buffer.alloc(length);
  const third = Math.floor(length / 3);
  if (third > 0) bytes.fill('insert into orders ', 0, third);
  seededRandom(seed).bytes(third).copy(bytes, third);
  return bytes;
}

function put(
  repository: Repository,
  bytes: Buffer,
  more: Partial<Parameters<typeof putLogPiece>[0]> = {},
) {
  const from = more.from ?? 0;
  return putLogPiece({
    repository,
    lineage: LINEAGE,
    branch: '1',
    segment: SEGMENT,
    from,
    to: from + bytes.length,
    segmentSize: SIZE,
    bytes,
    index: Buffer.from('index'),
    ...more,
  });
}

async function pieces(repository: Repository, branch?: string): Promise<LogPiece[]> {
  const found: LogPiece[] = [];
  const where = { repository, lineage: LINEAGE };
  for await (const piece of listLog(branch === undefined ? where : { ...where, branch })) {
    found.push(piece);
  }
  return found;
}

async function onlyPiece(repository: Repository): Promise<LogPiece> {
  const [piece, ...others] = await pieces(repository);
  assert.ok(piece && others.length === 0);
  return piece;
}

test('a piece is read back, of any length, with its index', async () => {
  await using made = await temporaryRepository();
  const { repository } = made;
  const lengths = [1, 24, 1000, (1 << 20) - 1, 1 << 20, (1 << 20) + 1, 5 << 20, SIZE];
  for (const [number, length] of lengths.entries()) {
    const bytes = content(length);
    const index = seededRandom(`index ${number}`).bytes(number * 100_000);
    const branch = String(number + 1);
    assert.equal(await put(repository, bytes, { branch, index }), 'stored');
    const [piece] = await pieces(repository, branch);
    assert.ok(piece);
    const { key: _, size, modified: __, ...range } = piece;
    assert.deepEqual(range, {
      lineage: LINEAGE,
      branch,
      segment: SEGMENT,
      from: 0,
      to: length,
      segmentSize: SIZE,
    });
    assert.ok(size > 0);
    assert.ok(bytes.equals(await readLogPiece({ repository, piece })));
    assert.ok(index.equals(await readLogIndex({ repository, piece })));
  }
});

test('a writer stores and reads the index, and cannot read the content', async () => {
  await using made = await temporaryRepository();
  const bytes = content(100_000);
  assert.equal(await put(made.writer, bytes), 'stored');
  const piece = await onlyPiece(made.writer);
  assert.equal(String(await readLogIndex({ repository: made.writer, piece })), 'index');
  await rejects(readLogPiece({ repository: made.writer, piece }), 'KEY_WRITE_ONLY');
  assert.ok(bytes.equals(await readLogPiece({ repository: made.repository, piece })));
  // And still tells its own content from another's.
  assert.equal(await put(made.writer, bytes), 'already');
  await rejects(put(made.writer, content(100_000, 'other')), 'LOG_CONFLICT');
});

// Trap 7.
test('the same piece twice is already there, other content is a conflict and stays out', async () => {
  await using made = await temporaryRepository();
  const { repository } = made;
  const bytes = content(300_000);
  assert.equal(await put(repository, bytes), 'stored');
  assert.equal(await put(repository, bytes), 'already');
  const other = Buffer.from(bytes);
  other[299_999] = 1;
  await rejects(put(repository, other), 'LOG_CONFLICT');
  const piece = await onlyPiece(repository);
  assert.ok(bytes.equals(await readLogPiece({ repository, piece })));
});

test('a put whose response was lost is already there when repeated', async () => {
  await using made = await temporaryRepository();
  const { repository } = made;
  const lossy = {
    ...repository,
    store: faultyStore(repository.store, failNthOf('put', 1, 'after')),
  };
  const bytes = content(10_000);
  await rejects(put(lossy, bytes), 'STORE_TRANSIENT');
  assert.equal(await put(lossy, bytes), 'already');
});

test('of two writers at once one stores and the other finds it', async () => {
  await using made = await temporaryRepository();
  const bytes = content(2 << 20);
  const results = await Promise.all([put(made.repository, bytes), put(made.writer, bytes)]);
  assert.deepEqual(results.sort(), ['already', 'stored']);
});

/** Replaces the stored bytes behind the store's back. */
async function overwrite(made: TemporaryRepository, piece: LogPiece, bytes: Buffer) {
  await fs.writeFile(path.join(made.place.root, piece.key), bytes);
}

test('a flipped bit anywhere in a piece is detected by the reader', async () => {
  await using made = await temporaryRepository();
  const { repository } = made;
  await put(repository, content(3000), { index: Buffer.from('a small index') });
  const piece = await onlyPiece(repository);
  const whole = await repository.store.get(piece.key);
  for (let at = 0; at < whole.length; at += 1) {
    const flipped = Buffer.from(whole);
    flipped[at] = (flipped[at] ?? 0) ^ (1 << (at & 7));
    await overwrite(made, piece, flipped);
    const failed = await readLogPiece({ repository, piece }).then(
      () => undefined,
      (error: unknown) => error,
    );
    assert.ok(isHoldfastError(failed), `byte ${at} of ${whole.length}: ${String(failed)}`);
    // Byte 7 is the format version: a higher one is a newer format to any reader.
    const expected = at === 7 && (flipped[7] ?? 0) > 1 ? 'REPOSITORY_NEWER' : 'LOG_CORRUPT';
    assert.equal(failed.code, expected, `byte ${at}`);
  }
});

test('a flipped bit anywhere is never taken for the same content by a writer', async () => {
  await using made = await temporaryRepository();
  const bytes = content(3000);
  await put(made.writer, bytes);
  const piece = await onlyPiece(made.writer);
  const whole = await made.writer.store.get(piece.key);
  for (let at = 0; at < whole.length; at += 3) {
    const flipped = Buffer.from(whole);
    flipped[at] = (flipped[at] ?? 0) ^ (1 << (at & 7));
    await overwrite(made, piece, flipped);
    const answer = await put(made.writer, bytes).catch((error: unknown) => error);
    assert.ok(isHoldfastError(answer), `byte ${at}: ${String(answer)}`);
    assert.equal(answer.kind, at === 7 ? answer.kind : 'corrupt');
  }
});

test('a piece cut off, extended or under another name is corrupt', async () => {
  await using made = await temporaryRepository();
  const { repository } = made;
  await put(repository, content(1_500_000));
  const piece = await onlyPiece(repository);
  const whole = await repository.store.get(piece.key);
  for (const length of [0, 10, 170, 300, whole.length >> 1, whole.length - 1]) {
    await overwrite(made, piece, whole.subarray(0, length));
    await rejects(readLogPiece({ repository, piece }), 'LOG_CORRUPT');
  }
  await overwrite(made, piece, Buffer.concat([whole, Buffer.from([0])]));
  await rejects(readLogPiece({ repository, piece }), 'LOG_CORRUPT');
  await rejects(put(repository, content(1_500_000)), 'LOG_CORRUPT');

  const elsewhere = piece.key.replace('/1/', '/2/');
  await repository.store.put(elsewhere, whole);
  const [moved] = await pieces(repository, '2');
  assert.ok(moved);
  await rejects(readLogPiece({ repository, piece: moved }), 'LOG_CORRUPT');
  await rejects(readLogIndex({ repository, piece: moved }), 'LOG_CORRUPT');
});

test('a piece of another repository is corrupt', async () => {
  await using one = await temporaryRepository();
  await using two = await temporaryRepository();
  await put(one.repository, content(1000));
  const piece = await onlyPiece(one.repository);
  await two.repository.store.put(piece.key, await one.repository.store.get(piece.key));
  await rejects(readLogPiece({ repository: two.repository, piece }), 'LOG_CORRUPT');
});

test('a removed piece is absent, not corrupt', async () => {
  await using made = await temporaryRepository();
  const { repository } = made;
  await put(repository, content(1000));
  const piece = await onlyPiece(repository);
  await repository.store.remove(piece.key);
  await rejects(readLogPiece({ repository, piece }), 'STORE_ABSENT');
});

test('ranges that are none are a defect of the caller', async () => {
  await using made = await temporaryRepository();
  const { repository } = made;
  const bytes = content(10);
  await rejects(put(repository, bytes, { to: 11 }), 'INTERNAL');
  await rejects(put(repository, bytes, { from: SIZE - 5 }), 'INTERNAL');
  await rejects(put(repository, Buffer.alloc(0)), 'INTERNAL');
  await rejects(put(repository, bytes, { branch: 'x' }), 'INTERNAL');
  await rejects(put(repository, bytes, { segment: '../x' }), 'INTERNAL');
  await rejects(put(repository, bytes, { segmentSize: (1 << 30) + 1 }), 'INTERNAL');
});

test('pieces in any order, overlapping and repeated, join to the segment', async () => {
  await using made = await temporaryRepository();
  const { repository } = made;
  const whole = content(60_000);
  let branch = 1;
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.nat(whole.length - 1), { maxLength: 4 }),
      fc.array(fc.tuple(fc.nat(whole.length - 1), fc.nat(whole.length - 1)), { maxLength: 4 }),
      async (cuts, extras) => {
        branch += 1;
        const bounds = [...new Set([0, ...cuts, whole.length])].sort((a, b) => a - b);
        const ranges = [
          ...bounds.slice(1).map((to, index) => [bounds[index] ?? 0, to] as const),
          ...extras.map(([a, b]) => [Math.min(a, b), Math.max(a, b) + 1] as const),
        ];
        for (const [from, to] of ranges) {
          await put(repository, whole.subarray(from, to), { from, branch: String(branch) });
        }
        const found = await pieces(repository, String(branch));
        const joined = await readLogSegment({ repository, pieces: found.reverse() });
        assert.equal(joined.to, whole.length);
        assert.ok(joined.bytes.equals(whole));
      },
    ),
    { numRuns: 25 },
  );
});

test('a hole in a segment is LOG_GAP with its place', async () => {
  await using made = await temporaryRepository();
  const { repository } = made;
  const whole = content(5000);
  for (const [from, to] of [
    [0, 1000],
    [800, 2000],
    [3000, 4000],
    [4000, 5000],
  ] as const) {
    await put(repository, whole.subarray(from, to), { from });
  }
  const found = await pieces(repository);
  await assert.rejects(readLogSegment({ repository, pieces: found }), (error: unknown) => {
    assert.ok(isHoldfastError(error, 'LOG_GAP'));
    assert.deepEqual(error.facts, { segment: SEGMENT, at: 2000, next: 3000 });
    return true;
  });
  const begin = found.filter(({ from }) => from < 2000);
  assert.equal((await readLogSegment({ repository, pieces: begin })).to, 2000);
  const late = found.filter(({ from }) => from > 0);
  await rejects(readLogSegment({ repository, pieces: late }), 'LOG_GAP');
});

test('overlapping pieces with different bytes are a conflict, not a choice', async () => {
  await using made = await temporaryRepository();
  const { repository } = made;
  await put(repository, Buffer.alloc(1000, 'a'));
  await put(repository, Buffer.alloc(1000, 'b'), { from: 500 });
  const found = await pieces(repository);
  await rejects(readLogSegment({ repository, pieces: found }), 'LOG_CONFLICT');
});
