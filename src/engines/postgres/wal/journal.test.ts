import assert from 'node:assert/strict';
import fs from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import fc from 'fast-check';
import {
  errnoError,
  type FaultPlan,
  failNth,
  faultyFileSystem,
} from '../../../../test/doubles/faulty-file-system.ts';
import { soak } from '../../../../test/support/soak.ts';
import { removeTemporary, temporaryDirectory } from '../../../../test/support/temporary.ts';
import { isHoldfastError } from '../../../errors/holdfast-error.ts';
import { machine } from '../../../host/host.ts';
import { type Lsn, lsn } from '../lsn.ts';
import { Journal, type JournalOptions } from './journal.ts';
import { LONG_HEADER, SHORT_HEADER } from './page-header.ts';
import { syntheticWal } from './testing/synthetic-wal.ts';

const SEGMENT = 1 << 20;
const PAGE = 8192;
const START = 5 * SEGMENT;
const at = (offset: number): Lsn => lsn(BigInt(START + offset));

const sizes = Array.from({ length: 900 }, (_, index) => (index * 7919) % 5000);
const wal = syntheticWal({
  start: START,
  segmentSize: SEGMENT,
  pageSize: PAGE,
  records: sizes.map((size, index) => ({
    manager: 10,
    info: 0x10,
    xid: index + 3,
    body: Buffer.alloc(size, (index % 255) + 1),
  })),
});

interface Place {
  readonly directory: string;
  open(options?: Partial<JournalOptions> & { plan?: FaultPlan }): Promise<Journal>;
  [Symbol.dispose](): void;
}

function place(): Place {
  const root = temporaryDirectory();
  const directory = join(root, 'journal');
  return {
    directory,
    open: ({ plan, ...options } = {}) =>
      Journal.open({
        host: plan ? { fs: faultyFileSystem(plan).fs } : machine,
        directory,
        systemIdentifier: '7',
        segmentSize: SEGMENT,
        ...options,
      }),
    [Symbol.dispose]: () => removeTemporary(root),
  };
}

const end = (journal: Journal) => Number(journal.end?.lsn ?? 0n) - START;

async function fill(journal: Journal, to: number, step = 50_000): Promise<void> {
  for (let from = 0; from < to; from += step) {
    journal.append(at(from), wal.bytes.subarray(from, Math.min(to, from + step)));
    await journal.flush();
  }
}

test('what was flushed is there after the journal is opened again, up to the last whole record', async () => {
  using here = place();
  {
    await using journal = await here.open();
    await journal.attach({ timeline: 1, lsn: at(0) });
    await fill(journal, 2_000_000);
    assert.equal(end(journal), 2_000_000);
    assert.deepEqual(
      journal.segments.map(({ length }) => length),
      [SEGMENT, 2_000_000 - SEGMENT],
    );
  }
  await using journal = await here.open();
  const last = wal.starts.findLast((start) => start <= START + 2_000_000)! - START;
  assert.equal(end(journal), last);
  const [first, second] = journal.segments;
  const stored = await journal.read(first!, 0, SEGMENT);
  assert.ok(stored.equals(wal.bytes.subarray(0, SEGMENT)));
  assert.equal(second!.length, last - SEGMENT);
});

test('a stream that repeats what is held is compared: other bytes are a fork, never acknowledged', async () => {
  using here = place();
  await using journal = await here.open();
  await journal.attach({ timeline: 1, lsn: at(0) });
  await fill(journal, 500_000);
  await journal.attach({ timeline: 1, lsn: at(0) });
  journal.append(at(0), wal.bytes.subarray(0, 300_000));
  assert.equal(await journal.flush(), at(300_000), 'acknowledged only as far as compared');
  assert.equal(end(journal), 500_000);
  const other = Buffer.from(wal.bytes.subarray(300_000, 600_000));
  other[150_000]! ^= 1;
  journal.append(at(300_000), other);
  await assert.rejects(journal.flush(), (error) => isHoldfastError(error, 'WAL_DIVERGED'));
});

// Research §4.3 #16: a segment was skipped between two that were stored.
test('bytes that are not the next ones are refused', async () => {
  using here = place();
  await using journal = await here.open();
  await journal.attach({ timeline: 1, lsn: at(0) });
  journal.append(at(0), wal.bytes.subarray(0, 100));
  assert.throws(
    () => journal.append(at(101), Buffer.alloc(1)),
    (error) => isHoldfastError(error, 'WAL_NOT_CONTIGUOUS'),
  );
});

test('another cluster’s journal is refused (§4.3 #28)', async () => {
  using here = place();
  await (await here.open()).close();
  await assert.rejects(here.open({ systemIdentifier: '8' }), (error) =>
    isHoldfastError(error, 'WAL_FOREIGN_SYSTEM'),
  );
  await assert.rejects(here.open({ segmentSize: 2 * SEGMENT }), (error) =>
    isHoldfastError(error, 'WAL_FOREIGN_SEGMENT_SIZE'),
  );
});

test('fsyncgate: after one failed fsync nothing is acknowledged by that journal, though the next fsync works', async () => {
  for (const call of ['handle.datasync', 'handle.write', 'handle.sync']) {
    using here = place();
    await (await here.open()).close();
    // The first sync of an open journal is that of the new segment's directory.
    await using journal = await here.open({ plan: failNth(call, 1, 'EIO') });
    await journal.attach({ timeline: 1, lsn: at(0) });
    journal.append(at(0), wal.bytes.subarray(0, 100_000));
    const failed = (error: unknown) => isHoldfastError(error, 'WAL_JOURNAL_FAILED');
    await assert.rejects(journal.flush(), failed, call);
    assert.equal(end(journal), 0, 'the end does not move');
    await assert.rejects(journal.flush(), failed);
    assert.throws(() => journal.append(at(100_000), Buffer.alloc(1)), failed);
    await assert.rejects(journal.attach({ timeline: 1, lsn: at(0) }), failed);
  }
});

test('what is read back after a stop is written and synced again before it counts as durable', async () => {
  using here = place();
  await using journal = await here.open();
  await journal.attach({ timeline: 1, lsn: at(0) });
  await fill(journal, 300_000);
  await journal.close();
  const faulty = faultyFileSystem();
  await (await here.open({ host: { fs: faulty.fs } })).close();
  const names = faulty.calls.filter(({ path }) => /0005\.tmp$/.test(path)).map(({ name }) => name);
  assert.ok(names.includes('handle.write') && names.includes('handle.sync'), names.join());
  assert.ok(names.indexOf('handle.sync') < names.indexOf('rename'));
  await assert.rejects(here.open({ plan: failNth('handle.sync', 1, 'EIO') }));
});

test('any torn or overwritten tail is cut at a record, never beyond what was written (property)', async () => {
  using here = place();
  await using writer = await here.open();
  await writer.attach({ timeline: 1, lsn: at(0) });
  await fill(writer, 1_500_000);
  await writer.close();
  const path = join(here.directory, '00000001', '000000010000000000000006');
  const whole = fs.readFileSync(path);
  // The header of the page a record begins on is no part of the record before it.
  const ends = wal.starts.slice(1).map((start) => {
    const header = start % SEGMENT < PAGE ? LONG_HEADER : SHORT_HEADER;
    return start - START - (start % PAGE === header ? header : 0);
  });
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 0, max: whole.length }),
      fc.constantFrom('cut', 'zeroes', 'garbage'),
      async (from, damage) => {
        const torn = Buffer.from(whole.subarray(0, damage === 'cut' ? from : whole.length));
        if (damage === 'zeroes') torn.fill(0, from);
        if (damage === 'garbage') {
          // Every byte another one: what a record holds there may look like any one pattern. Not in
          // the padding of a record alone: no checksum covers it, but no sector ends within it.
          for (let at = Math.ceil(from / 8) * 8; at < torn.length; at++) torn[at]! ^= 0xa5;
        }
        fs.writeFileSync(path, torn);
        await using journal = await here.open();
        const recovered = end(journal);
        const expected = ends.filter((offset) => offset <= SEGMENT + from).at(-1)!;
        // Padding after a record looks the same torn or whole; before the first record that ends in
        // the segment, the segment is dropped.
        assert.ok(recovered <= SEGMENT + from + 7, `${recovered} of ${SEGMENT + from}`);
        assert.ok(recovered >= Math.max(SEGMENT, expected), `${recovered} < ${expected}`);
        await journal.attach({ timeline: 1, lsn: at(SEGMENT) });
        journal.append(at(SEGMENT), wal.bytes.subarray(SEGMENT, 1_500_000));
        assert.equal(await journal.flush(), at(1_500_000));
      },
    ),
    {
      numRuns: soak(2000, 40),
      examples: [
        [385_048, 'cut'],
        [840, 'garbage'],
      ],
    },
  );
  assert.ok(fs.readFileSync(path).equals(whole));
});

test('the next timeline and a gap begin new runs; what came before stays', async () => {
  using here = place();
  await using journal = await here.open();
  await journal.attach({ timeline: 1, lsn: at(0) });
  await fill(journal, 1_200_000);
  await journal.attach({ timeline: 2, lsn: at(SEGMENT) });
  journal.append(at(SEGMENT), wal.bytes.subarray(SEGMENT, SEGMENT + 8192));
  await journal.flush();
  assert.deepEqual(journal.end, { timeline: 2, lsn: at(SEGMENT + 8192) });
  assert.deepEqual(
    journal.segments.map(({ name, length }) => [name, length]),
    [
      ['000000010000000000000005', SEGMENT],
      ['000000010000000000000006', 1_200_000 - SEGMENT],
      ['000000020000000000000006', 8192],
    ],
  );
  await journal.putHistory(2, Buffer.from('1\t0/610000\tx\n'));
  assert.deepEqual([...(await journal.histories()).keys()], ['00000002.history']);
  await journal.remove(journal.segments[0]!);
  await assert.rejects(journal.remove(journal.segments[0]!), RangeError);
});

test('a full disk stops the journal, and the next one goes on from what was durable', async () => {
  using here = place();
  {
    let writes = 0;
    const plan: FaultPlan = ({ name, path }) => {
      if (name !== 'handle.write' || !path.includes('00000001')) return undefined;
      writes += 1;
      return writes > 3 ? { error: errnoError('ENOSPC'), effect: 'none' } : undefined;
    };
    await using journal = await here.open({ plan });
    await journal.attach({ timeline: 1, lsn: at(0) });
    await assert.rejects(fill(journal, 500_000), (error) =>
      isHoldfastError(error, 'WAL_JOURNAL_FAILED'),
    );
    assert.equal(end(journal), 150_000);
  }
  await using journal = await here.open();
  assert.ok(end(journal) > 140_000 && end(journal) <= 150_000);
  await journal.attach({ timeline: 1, lsn: at(0) });
  await fill(journal, 500_000);
  assert.equal(end(journal), 500_000);
});

test('inside a record longer than a segment, whole segments count although no record ends in them', async () => {
  using here = place();
  const long = syntheticWal({
    start: START,
    segmentSize: SEGMENT,
    pageSize: 8192,
    records: [{ manager: 10, info: 0, xid: 1, body: Buffer.alloc(4 * SEGMENT, 7) }],
  });
  {
    await using journal = await here.open();
    await journal.attach({ timeline: 1, lsn: at(0) });
    journal.append(at(0), long.bytes.subarray(0, 2 * SEGMENT + 5000));
    await journal.flush();
  }
  await using journal = await here.open();
  assert.equal(end(journal), 2 * SEGMENT);
  assert.equal(journal.segments.length, 2);
});

// A follower whose journal was removed called it a defect in holdfast.
test('what is gone from a journal is its failure, by name', async () => {
  using here = place();
  await using journal = await here.open();
  await journal.attach({ timeline: 1, lsn: at(0) });
  await fill(journal, 100_000);
  const [segment] = journal.segments;
  removeTemporary(here.directory);
  const failed = (error: unknown) =>
    isHoldfastError(error, 'WAL_JOURNAL_FAILED') && error.message.includes(here.directory);
  await assert.rejects(journal.histories(), failed);
  await assert.rejects(journal.read(segment!, 0, 10), failed);
  await assert.rejects(journal.putHistory(2, Buffer.from('')), failed);
});
