import assert from 'node:assert/strict';
import { test } from 'node:test';
import { temporaryRepository } from '../../../test/doubles/temporary-repository.ts';
import { instant } from '../../content/instant.ts';
import { lsn } from '../../engines/postgres/lsn.ts';
import type { WalEvent } from '../../engines/postgres/wal/segment-index.ts';
import { encodeSegmentIndex } from '../../engines/postgres/wal/segment-index-codec.ts';
import { ensureLineage } from '../../repository/lineages.ts';
import { listLog } from '../../repository/log/list-log.ts';
import { putLogPiece } from '../../repository/log/put-log.ts';
import { readLogCoverage, type SegmentCoverage } from './coverage.ts';
import type { ReadSegmentFacts } from './log-facts.ts';
import { readSegmentFacts, remembered } from './read-facts.ts';

const SIZE = 1 << 20;

test('a segment with more transactions than a call takes arguments is read', async () => {
  await using temporary = await temporaryRepository();
  const { repository } = temporary;
  const cluster = { source: 'main', engine: 'postgres', identity: '7' };
  const lineage = (await ensureLineage({ repository, ...cluster })).id;
  const count = 300_000;
  const events: WalEvent[] = Array.from({ length: count }, (_, number) => ({
    kind: 'commit',
    xid: number + 3,
    time: instant(number),
    prepared: false,
    subtransactions: [],
    start: lsn(BigInt(SIZE + number * 2)),
    end: lsn(BigInt(SIZE + number * 2 + 2)),
  }));
  const whole = {
    from: lsn(BigInt(SIZE)),
    to: lsn(BigInt(2 * SIZE)),
    validEnd: lsn(BigInt(2 * SIZE)),
  };
  const rest = { headless: false, stopped: null, tail: null };
  const index = encodeSegmentIndex({ ...whole, ...rest, events });
  const segment = '000000010000000000000001';
  const place = { lineage, branch: '1', segment, segmentSize: SIZE, from: 0, to: SIZE };
  await putLogPiece({ repository, ...place, bytes: Buffer.alloc(SIZE), index });
  const pieces = listLog({ repository, lineage });
  const held = (await readLogCoverage({ pieces, segmentSize: SIZE })).get(1)?.get(1n);
  const facts = await readSegmentFacts({ repository, segment: held as SegmentCoverage });
  assert.equal(facts.transactions.length, count);
});

/** Segments of ten transactions each, and in what order they were read. */
function tenEach(): { read: ReadSegmentFacts; order: string[] } {
  const order: string[] = [];
  const transaction = {
    kind: 'commit',
    xid: 3,
    at: instant(0),
    start: lsn(0n),
    end: lsn(1n),
  } as const;
  const read: ReadSegmentFacts = async ({ name }) => {
    order.push(name);
    if (name === 'unread' && order.length === 1) throw new Error('not now');
    return { transactions: Array(10).fill(transaction), restorePoints: [], timelineStarts: [] };
  };
  return { read, order };
}

const named = (name: string): SegmentCoverage => ({
  timeline: 1,
  number: 1n,
  name,
  covered: SIZE,
  pieces: [],
});

test('what is remembered of the log does not grow with it', async () => {
  const { read, order } = tenEach();
  const facts = remembered({ read, transactions: 25 });
  for (const name of ['a', 'b', 'b', 'a', 'c', 'b', 'c', 'a']) await facts(named(name));
  assert.deepEqual(order, ['a', 'b', 'c', 'a'], 'the third pushed out the first');
  const few = tenEach();
  const one = remembered({ read: few.read, transactions: 5 });
  for (const name of ['a', 'a', 'b', 'b']) await one(named(name));
  assert.deepEqual(few.order, ['a', 'b'], 'one larger than all of it is remembered alone');
});

test('a read that failed is not remembered', async () => {
  const { read, order } = tenEach();
  const facts = remembered({ read });
  await assert.rejects(facts(named('unread')), /not now/);
  await facts(named('unread'));
  assert.deepEqual(order, ['unread', 'unread']);
});
