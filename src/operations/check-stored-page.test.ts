import assert from 'node:assert/strict';
import test from 'node:test';
import { SEGMENT_PAGES } from '../engines/postgres/capture/relation-path.ts';
import { pageChecksum } from '../engines/postgres/check/page-checksum.ts';
import type { PostgresSnapshotDocument } from '../engines/postgres/snapshot-document.ts';
import { checkStoredPage } from './check-stored-page.ts';

const document = { dataChecksums: true, startLsn: '1/80000000' } as PostgresSnapshotDocument;

/** A page of this LSN with a right checksum for `block`; `shift` bytes off a word's boundary. */
function page(options: { lsn: bigint; block: number; shift?: number }): Buffer {
  const { lsn, block, shift = 0 } = options;
  const bytes = Buffer.alloc(8192 + 4).fill(7);
  const aligned = bytes.subarray(0, 8192);
  aligned.writeUInt32LE(Number(lsn >> 32n), 0);
  aligned.writeUInt32LE(Number(lsn & 0xffff_ffffn), 4);
  aligned.writeUInt16LE(0, 8);
  const words = new Int32Array(bytes.buffer, bytes.byteOffset, 2048);
  aligned.writeUInt16LE(pageChecksum(words, block), 8);
  bytes.copyWithin(shift, 0, 8192);
  return bytes.subarray(shift, shift + 8192);
}

const before = 0x1_7fff_ffffn;
const began = 0x1_8000_0000n;

test('a page is judged by its block in the whole fork, wherever its bytes lie', () => {
  const check = checkStoredPage(document)!;
  const path = 'base/5/16384.2';
  const block = 2 * SEGMENT_PAGES + 3;
  for (const shift of [0, 1, 2]) {
    const bytes = page({ lsn: before, block, shift });
    assert.equal(check({ path, number: 3, bytes }), undefined);
    assert.match(check({ path, number: 4, bytes }) ?? '', /checksum/);
  }
});

test('a page written since the backup began may be torn, and the log mends it', () => {
  const check = checkStoredPage(document)!;
  const torn = (lsn: bigint) => {
    const bytes = page({ lsn, block: 0 });
    bytes.fill(0, 4096);
    return check({ path: 'base/5/16384', number: 0, bytes });
  };
  assert.match(torn(before) ?? '', /checksum/);
  assert.equal(torn(began), undefined);
});

test('a cluster without checksums has none to check', () => {
  assert.equal(checkStoredPage({ ...document, dataChecksums: false }), undefined);
});
