import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  type IncrementalHeader,
  IncrementalHeaderReader,
  incrementalTarget,
} from './incremental-file.ts';

const PAGE = 8192;

function file(options: {
  readonly pages: readonly number[];
  readonly truncation: number;
  readonly magic?: number;
  readonly bigEndian?: boolean;
}): Buffer {
  const { pages, truncation, magic = 0xd3ae1f0d, bigEndian = false } = options;
  const words = [magic, pages.length, truncation, ...pages];
  const length = pages.length === 0 ? 12 : Math.ceil((4 * words.length) / PAGE) * PAGE;
  const head = Buffer.alloc(length);
  words.forEach((word, index) => {
    if (bigEndian) head.writeUInt32BE(word, 4 * index);
    else head.writeUInt32LE(word, 4 * index);
  });
  return Buffer.concat([head, ...pages.map((page) => Buffer.alloc(PAGE, page & 0xff))]);
}

function read(
  bytes: Buffer,
  sizes: readonly number[] = [bytes.length],
  size = bytes.length,
): { readonly header: IncrementalHeader; readonly rest: number } {
  const reader = new IncrementalHeaderReader({
    path: 'base/5/INCREMENTAL.1',
    size,
    pageSize: PAGE,
  });
  for (let at = 0, n = 0; at < bytes.length; n++) {
    const piece = bytes.subarray(at, at + sizes[n % sizes.length]!);
    const { header, used } = reader.push(piece);
    at += used;
    if (header) return { header, rest: bytes.length - at };
    assert.equal(used, piece.length, 'a piece without the end of the header belongs to it');
  }
  throw new Error('no header');
}

test('a file without blocks is 12 bytes: unchanged, this long', () => {
  const { header, rest } = read(file({ pages: [], truncation: 7 }));
  assert.deepEqual(header, { pages: new Uint32Array(), truncation: 7, length: 7 });
  assert.equal(rest, 0);
});

test('the length covers blocks beyond the truncation', () => {
  assert.equal(read(file({ pages: [2, 9], truncation: 5 })).header.length, 10);
  assert.equal(read(file({ pages: [2, 3], truncation: 5 })).header.length, 5);
});

test('the header may be cut anywhere; what follows are exactly the pages', () => {
  const pages = fc.uniqueArray(fc.integer({ min: 0, max: 131_071 }), { maxLength: 4 });
  const pieces = fc.array(fc.integer({ min: 1, max: 5000 }), { minLength: 1, maxLength: 6 });
  fc.assert(
    fc.property(
      pages,
      fc.nat(131_072),
      pieces,
      fc.boolean(),
      (some, truncation, sizes, bigEndian) => {
        const sorted = some.toSorted((a, b) => a - b);
        const { header, rest } = read(file({ pages: sorted, truncation, bigEndian }), sizes);
        assert.deepEqual([...header.pages], sorted);
        assert.equal(header.truncation, truncation);
        assert.equal(rest, sorted.length * PAGE);
      },
    ),
  );
});

test('a header of several pages', () => {
  const pages = Array.from({ length: 5000 }, (_, index) => index * 2);
  const { header, rest } = read(file({ pages, truncation: 10_000 }), [4096]);
  assert.deepEqual([...header.pages], pages);
  assert.equal(rest, 5000 * PAGE);
});

// Research §4.3 #32 (postgres ecd275718b): unrestorable by pg_combinebackup before 17.8 and 18.2.
test('a truncation beyond the segment is clamped to it', () => {
  const { header } = read(file({ pages: [], truncation: 200_000 }));
  assert.equal(header.truncation, 131_072);
  assert.equal(header.length, 131_072);
});

test('whatever no server writes is refused', () => {
  const refuses = (bytes: Buffer, message: RegExp, size?: number) =>
    assert.throws(() => read(bytes, undefined, size), {
      code: 'POSTGRES_INCREMENTAL_INVALID',
      message,
    });
  refuses(file({ pages: [], truncation: 1, magic: 1 }), /magic/);
  refuses(file({ pages: [3, 3], truncation: 9 }), /ascend/);
  refuses(file({ pages: [4, 3], truncation: 9 }), /ascend/);
  refuses(file({ pages: [131_072], truncation: 9 }), /segment/);
  const many = Buffer.alloc(12);
  many.writeUInt32LE(0xd3ae1f0d, 0);
  many.writeUInt32LE(131_073, 4);
  refuses(many, /131073 blocks/);
  refuses(file({ pages: [1], truncation: 9 }), /bytes where/, 3 * PAGE);
});

test('names of incremental members', () => {
  assert.equal(incrementalTarget('base/5/INCREMENTAL.16384.1'), 'base/5/16384.1');
  assert.equal(incrementalTarget('global/INCREMENTAL.1262_fsm'), 'global/1262_fsm');
  assert.equal(incrementalTarget('base/5/16384'), undefined);
  assert.equal(incrementalTarget('INCREMENTAL.x/y'), undefined);
});
