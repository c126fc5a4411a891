import assert from 'node:assert/strict';
import fs from 'node:fs/promises';
import path from 'node:path';
import test from 'node:test';
import {
  type TemporaryRepository,
  temporaryRepository,
} from '../../../test/doubles/temporary-repository.ts';
import { formatLsn, lsn } from '../../engines/postgres/lsn.ts';
import type { PostgresSnapshotDocument } from '../../engines/postgres/snapshot-document.ts';
import { encodeSegmentIndex } from '../../engines/postgres/wal/segment-index-codec.ts';
import { historyName, segmentName } from '../../engines/postgres/wal/segment-name.ts';
import { ensureLineage, type Lineage } from '../../repository/lineages.ts';
import { putLogDocument } from '../../repository/log/log-document.ts';
import { putLogPiece } from '../../repository/log/put-log.ts';
import { readLogState } from './log-state.ts';

const SIZE = 1 << 20;
const at = (segment: number) => lsn(BigInt(segment * SIZE));

/** Timeline n begins at segment n, where its predecessor ends; one segment of each is held. */
async function fourTimelines({ repository }: TemporaryRepository): Promise<Lineage> {
  const cluster = { source: 'main', engine: 'postgres', identity: '7' };
  const lineage = await ensureLineage({ repository, ...cluster });
  for (let timeline = 1; timeline <= 4; timeline++) {
    const bytes = Buffer.alloc(SIZE);
    const segment = segmentName({ timeline, number: BigInt(timeline), segmentSize: SIZE });
    const index = encodeSegmentIndex({
      from: at(timeline),
      to: at(timeline + 1),
      validEnd: at(timeline + 1),
      headless: false,
      stopped: null,
      events: [],
      tail: null,
    });
    const place = { lineage: lineage.id, branch: String(timeline), segment, segmentSize: SIZE };
    await putLogPiece({ repository, ...place, from: 0, to: SIZE, bytes, index });
    if (timeline === 1) continue;
    const lines = Array.from(
      { length: timeline - 1 },
      (_, ancestor) => `${ancestor + 1}\t${formatLsn(at(ancestor + 2))}\tno reason\n`,
    );
    const document = { name: historyName(timeline), bytes: Buffer.from(lines.join('')) };
    await putLogDocument({ repository, lineage: lineage.id, ...document });
  }
  return lineage;
}

const document = {
  startTimeline: 1,
  stopTimeline: 1,
  startLsn: formatLsn(at(1)),
  stopLsn: formatLsn(lsn(at(1) + 0x100n)),
  startedAt: '2026-11-21T10:00:00.000000Z',
  stoppedAt: '2026-11-21T10:00:01.000000Z',
  walSegmentSize: SIZE,
} as PostgresSnapshotDocument;

async function stateWithout(
  temporary: TemporaryRepository,
  spoil: (historyOf: (timeline: number) => string) => Promise<void>,
) {
  const { repository, place } = temporary;
  const lineage = await fourTimelines(temporary);
  await spoil((timeline) =>
    path.join(place.root, 'lineages', lineage.id, 'log-documents', historyName(timeline)),
  );
  const snapshots = [{ id: 'a', engine: document }];
  const state = await readLogState({ repository, lineage, snapshots, follower: null });
  return {
    state,
    restorable: state.ranges.map(({ timeline }) => timeline),
    lost: state.unreachable.map(({ timeline, error }) => [timeline, error.code]),
  };
}

test('a history that is missing is told by its descendants', async () => {
  await using temporary = await temporaryRepository();
  const { restorable, lost } = await stateWithout(temporary, async (historyOf) => {
    await fs.rm(historyOf(2));
    await fs.rm(historyOf(3));
  });
  assert.deepEqual([restorable, lost], [[1, 2, 3, 4], []]);
});

// Research §4.3 #19: restores ended on the old timeline, silently, and newer commits were lost.
test('a history that is missing or damaged hides its own timeline alone, and not silently', async () => {
  await using temporary = await temporaryRepository();
  const { state, restorable, lost } = await stateWithout(temporary, async (historyOf) => {
    await fs.rm(historyOf(3));
    const bytes = await fs.readFile(historyOf(4));
    bytes[bytes.length - 20]! ^= 1;
    await fs.writeFile(historyOf(4), bytes);
  });
  assert.deepEqual(restorable, [1, 2]);
  assert.deepEqual(lost, [
    [3, 'TIMELINE_UNKNOWN'],
    [4, 'LOG_CORRUPT'],
  ]);
  assert.throws(() => state.pathTo(3), { code: 'TIMELINE_UNKNOWN' });
  assert.throws(() => state.pathTo(4), { code: 'LOG_CORRUPT', kind: 'corrupt' });
});

test('a store that fails says nothing about a history', async () => {
  await using temporary = await temporaryRepository();
  const without = stateWithout(temporary, async (historyOf) => {
    await fs.rm(historyOf(2));
    await fs.symlink(historyOf(2), historyOf(2));
  });
  await assert.rejects(without, { kind: 'transient' });
});
