import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { soak } from '../../../../test/support/soak.ts';
import { lsn } from '../lsn.ts';
import { RecordReader } from './record-reader.ts';
import { encodeRecord, type SyntheticRecord, syntheticWal } from './testing/synthetic-wal.ts';

const SEGMENT = 1 << 20;
const START = 3 * SEGMENT;

const record = (length: number, seed: number): SyntheticRecord => ({
  manager: 10,
  info: 0x10,
  xid: seed,
  body: Buffer.alloc(length, seed & 0xff),
});

function read(chunks: readonly Buffer[], start = START) {
  const seen: string[] = [];
  const reader = new RecordReader({
    start: lsn(BigInt(start)),
    segmentSize: SEGMENT,
    keep: () => true,
    onRecord: ({ start, end, xid, body }) =>
      seen.push(`${start} ${end} ${xid} ${body.length} ${body.at(0)} ${body.at(-1)}`),
  });
  for (const chunk of chunks) reader.push(chunk);
  return { seen, reader };
}

const lengths = [0, 1, 7, 8, 40, 300, 900, 1000, 1001, 2500, 17, 0, 5000, 3, 960, 24];
const sample = syntheticWal({
  start: START,
  segmentSize: SEGMENT,
  pageSize: 1024,
  records: lengths.map((length, at) => record(length, at + 1)),
});

test('cutting the stream at any byte gives the same records', () => {
  const whole = read([sample.bytes]);
  assert.equal(whole.seen.length, lengths.length);
  assert.equal(Number(whole.reader.validEnd), START + sample.bytes.length);
  for (let cut = 0; cut <= sample.bytes.length; cut++) {
    const { seen, reader } = read([sample.bytes.subarray(0, cut), sample.bytes.subarray(cut)]);
    assert.deepEqual(seen, whole.seen, `cut at ${cut}`);
    assert.equal(reader.validEnd, whole.reader.validEnd);
  }
});

test('byte by byte gives the same records', () => {
  const bytes = Array.from(sample.bytes, (byte) => Buffer.from([byte]));
  assert.deepEqual(read(bytes).seen, read([sample.bytes]).seen);
});

test('a changed byte ends the log at or before its record, or changes nothing that counts', () => {
  const whole = read([sample.bytes]).seen;
  for (let at = 0; at < sample.bytes.length; at++) {
    const damaged = Buffer.from(sample.bytes);
    damaged[at]! ^= 0x41;
    const { seen, reader } = read([damaged]);
    assert.deepEqual(seen, whole.slice(0, seen.length), `byte ${at}`);
    const end = START + sample.bytes.length;
    if (seen.length < whole.length) assert.ok(Number(reader.validEnd) < end, `byte ${at}`);
    else assert.equal(reader.stopped, undefined);
  }
});

test('a torn end is the end: validEnd is the last whole record’s', () => {
  const ends = read([sample.bytes]).seen.map((line) => Number(line.split(' ')[1]));
  for (let cut = 0; cut < sample.bytes.length; cut += 5) {
    const torn = Buffer.concat([sample.bytes.subarray(0, cut), Buffer.alloc(4096)]);
    const { seen, reader } = read([torn]);
    const whole = ends.filter((end) => end <= START + cut);
    // The padding after a record is zeroes, as is what follows a torn end.
    const atMost = ends.filter((end) => end - 7 <= START + cut);
    assert.ok(seen.length >= whole.length && seen.length <= atMost.length, `cut at ${cut}`);
    assert.equal(Number(reader.validEnd), ends[seen.length - 1] ?? START);
    assert.ok(reader.stopped);
  }
});

test('records that span segments are joined through the tail, at any split', () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 0, max: 400_000 }), { minLength: 3, maxLength: 12 }),
      fc.constantFrom(8192, 1024, 65_536),
      (sizes, pageSize) => {
        const wal = syntheticWal({
          start: START,
          segmentSize: SEGMENT,
          pageSize,
          records: sizes.map((size, at) => record(size, at + 1)),
        });
        const joined = read([wal.bytes]).seen;
        assert.equal(joined.length, sizes.length);
        const seen: string[] = [];
        let tail: Buffer | undefined;
        for (let from = 0; from < wal.bytes.length; from += SEGMENT) {
          const reader = new RecordReader({
            start: lsn(BigInt(START + from)),
            segmentSize: SEGMENT,
            tail,
            keep: () => true,
            onRecord: ({ start, end, xid, body }) =>
              seen.push(`${start} ${end} ${xid} ${body.length} ${body.at(0)} ${body.at(-1)}`),
          });
          reader.push(wal.bytes.subarray(from, from + SEGMENT));
          assert.equal(reader.stopped, undefined);
          if (from + SEGMENT <= wal.bytes.length) tail = reader.tail();
        }
        assert.deepEqual(seen, joined);
      },
    ),
    { numRuns: soak(2_000, 25) },
  );
});

test('without a tail the record that began before is skipped, the rest is read', () => {
  const wal = syntheticWal({
    start: START,
    segmentSize: SEGMENT,
    pageSize: 8192,
    records: [record(1_100_000, 1), record(10, 2), record(20, 3)],
  });
  const { seen, reader } = read([wal.bytes.subarray(SEGMENT)], START + SEGMENT);
  assert.equal(seen.length, 2);
  assert.equal(reader.headless, true);
});

test('a record aborted by a crash gives way to the one that overwrites its continuation', () => {
  const wal = syntheticWal({
    start: START,
    segmentSize: SEGMENT,
    pageSize: 1024,
    records: [record(40, 1), record(3000, 2)],
  });
  // Page 0 ends inside record 2; after the crash page 1 is written anew.
  const page = Buffer.from(wal.bytes.subarray(1024, 1048));
  page.writeUInt16LE(0x0008, 2);
  page.writeUInt32LE(0, 16);
  const overwriting = encodeRecord(record(16, 3), wal.starts[0]!);
  const { seen, reader } = read([wal.bytes.subarray(0, 1024), page, overwriting]);
  assert.equal(reader.stopped, undefined);
  assert.deepEqual(
    seen.map((line) => line.split(' ')[2]),
    ['1', '3'],
  );
});

test('pages of another cluster, segment size or position end the log', () => {
  const of = (options: Partial<Parameters<typeof syntheticWal>[0]>) =>
    syntheticWal({
      start: START,
      segmentSize: SEGMENT,
      pageSize: 8192,
      records: [record(10, 1)],
      ...options,
    }).bytes;
  const reasons = [
    of({ systemIdentifier: 8n }),
    of({ segmentSize: SEGMENT * 2, start: START + SEGMENT }),
    of({ start: START + SEGMENT }),
  ].map((bytes) => {
    const reader = new RecordReader({
      start: lsn(BigInt(START)),
      segmentSize: SEGMENT,
      systemIdentifier: '7',
      keep: () => true,
      onRecord: () => assert.fail('read'),
    });
    reader.push(bytes);
    return reader.stopped?.reason;
  });
  assert.deepEqual(reasons, [
    'a page of another cluster',
    'a page of another position',
    'a page of another position',
  ]);
});
