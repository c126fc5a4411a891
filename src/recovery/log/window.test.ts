import assert from 'node:assert/strict';
import test from 'node:test';
import { coveredPrefix } from '../../content/covered-prefix.ts';
import { formatLsn, type Lsn, lsn } from '../../engines/postgres/lsn.ts';
import type { PostgresSnapshotDocument } from '../../engines/postgres/snapshot-document.ts';
import type { LogCoverage, SegmentCoverage } from './coverage.ts';
import { type LogPath, walkLog } from './log-path.ts';
import { timelineWindow } from './window.ts';

const SIZE = 0x10_0000;
const at = (segment: number, offset = 0): Lsn => lsn(BigInt(segment * SIZE + offset));

/** `{1: {2: 0x100}}`: timeline 1 holds all of segment 2. */
function coverageOf(held: Record<number, Record<number, number>>): LogCoverage {
  return new Map(
    Object.entries(held).map(([timeline, segments]) => [
      Number(timeline),
      new Map(
        Object.entries(segments).map(([number, covered]): [bigint, SegmentCoverage] => [
          BigInt(number),
          {
            timeline: Number(timeline),
            number: BigInt(number),
            name: `${timeline}/${number}`,
            covered,
            pieces: [],
          },
        ]),
      ),
    ]),
  );
}

const snapshot = (id: string, timeline: number, start: Lsn, stop: Lsn) => ({
  id,
  document: {
    startTimeline: timeline,
    stopTimeline: timeline,
    startLsn: formatLsn(start),
    stopLsn: formatLsn(stop),
  } as PostgresSnapshotDocument,
});

const trunk: LogPath = [{ timeline: 1, begin: at(0), end: null }];
const forked: LogPath = [
  { timeline: 1, begin: at(0), end: at(3, 0x40) },
  { timeline: 2, begin: at(3, 0x40), end: null },
];

test('pieces cover a segment only as far as they join from its first byte', () => {
  assert.equal(coveredPrefix([]), 0);
  assert.equal(coveredPrefix([{ from: 5, to: 9 }]), 0);
  assert.equal(
    coveredPrefix([
      { from: 4, to: 9 },
      { from: 0, to: 5 },
    ]),
    9,
  );
  assert.equal(
    coveredPrefix([
      { from: 0, to: 3 },
      { from: 4, to: 9 },
    ]),
    3,
  );
});

test('a window runs from consistency to the end of the unfinished segment', () => {
  const window = timelineWindow({
    path: trunk,
    coverage: coverageOf({ 1: { 1: SIZE, 2: SIZE, 3: 0x80 } }),
    segmentSize: SIZE,
    snapshots: [snapshot('a', 1, at(1, 8), at(1, 0x50))],
  });
  assert.deepEqual(window.ranges, [{ from: at(1, 0x50), to: at(3, 0x80), snapshot: 'a' }]);
  assert.deepEqual(window.gaps, []);
});

// Research §4.3 #16.
test('WAL hole: a segment skipped between two ends the range and is named as a gap', () => {
  const window = timelineWindow({
    path: trunk,
    coverage: coverageOf({ 1: { 1: SIZE, 3: SIZE, 4: 0x20 } }),
    segmentSize: SIZE,
    snapshots: [
      snapshot('a', 1, at(1, 8), at(1, 0x50)),
      snapshot('b', 1, at(3, 0x10), at(3, 0x30)),
    ],
  });
  assert.deepEqual(
    window.ranges.map(({ to }) => to),
    [at(2), at(4, 0x20)],
  );
  assert.deepEqual(window.gaps, [
    { from: at(2), to: at(3, 0x30), segment: '000000010000000000000002' },
  ]);
});

test('a hole after the last snapshot is a gap, not silence', () => {
  const window = timelineWindow({
    path: trunk,
    coverage: coverageOf({ 1: { 1: SIZE, 3: 0x20 } }),
    segmentSize: SIZE,
    snapshots: [snapshot('a', 1, at(1, 8), at(1, 0x50))],
  });
  assert.deepEqual(window.gaps, [
    { from: at(2), to: at(3, 0x20), segment: '000000010000000000000002' },
  ]);
});

test('a snapshot whose own start-to-stop log is not held promises nothing', () => {
  const window = timelineWindow({
    path: trunk,
    coverage: coverageOf({ 1: { 2: SIZE } }),
    segmentSize: SIZE,
    snapshots: [snapshot('a', 1, at(1, 8), at(2, 0x50))],
  });
  assert.deepEqual(window.ranges, []);
});

test('a new timeline’s range begins at the fork and is reached from the ancestor’s snapshot', () => {
  const coverage = coverageOf({ 1: { 1: SIZE, 2: SIZE, 3: 0x40 }, 2: { 3: SIZE, 4: 0x10 } });
  const snapshots = [snapshot('a', 1, at(1, 8), at(1, 0x50))];
  const window = timelineWindow({ path: forked, coverage, segmentSize: SIZE, snapshots });
  assert.deepEqual(window.ranges, [{ from: at(3, 0x40), to: at(4, 0x10), snapshot: 'a' }]);
});

test('after a fork the parent’s later log is never read on the child’s path', () => {
  const coverage = coverageOf({ 1: { 1: SIZE, 2: SIZE, 3: SIZE, 4: SIZE }, 2: {} });
  const walk = walkLog({ path: forked, coverage, segmentSize: SIZE, from: at(1) });
  assert.equal(walk.end, at(3, 0x40));
});

test('the redo segment spans the timeline boundary and exists on the new timeline only', () => {
  const coverage = coverageOf({ 2: { 3: SIZE, 4: SIZE } });
  const walk = walkLog({ path: forked, coverage, segmentSize: SIZE, from: at(3, 0x50) });
  assert.equal(walk.end, at(5));
  assert.equal(walk.gap, null);
});

test('a snapshot taken beyond the fork on the old timeline is not on the child’s path', () => {
  const coverage = coverageOf({ 1: { 1: SIZE, 2: SIZE, 3: SIZE, 4: SIZE }, 2: { 3: SIZE } });
  const snapshots = [snapshot('lost', 1, at(4, 8), at(4, 0x50))];
  const window = timelineWindow({ path: forked, coverage, segmentSize: SIZE, snapshots });
  assert.deepEqual(window.ranges, []);
});
