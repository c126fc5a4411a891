import assert from 'node:assert/strict';
import test from 'node:test';
import { isHoldfastError } from '../../../errors/holdfast-error.ts';
import { parseLsn } from '../lsn.ts';
import {
  formatTimelineHistory,
  isAncestor,
  parseTimelineHistory,
  switchPoint,
  timelineAt,
  timelinePath,
} from './timeline-history.ts';

const text =
  '# made by a person\n\n1\t0/3000158\tno recovery target specified\n2\t0/5000000\tbefore 2026-11-21 14:00:00+00\n';
const history = parseTimelineHistory(4, Buffer.from(text));

test('the path from the first ancestor', () => {
  assert.deepEqual(timelinePath(history), [
    { timeline: 1, begin: 0n, end: parseLsn('0/3000158') },
    { timeline: 2, begin: parseLsn('0/3000158'), end: parseLsn('0/5000000') },
    { timeline: 4, begin: parseLsn('0/5000000'), end: null },
  ]);
});

test('19’s zero-padded positions read the same', () => {
  const padded = parseTimelineHistory(2, Buffer.from('1\t0/03000158\tx\n'));
  assert.equal(switchPoint(padded, 1), parseLsn('0/3000158'));
});

test('ancestry ends at the fork, and a sibling is none', () => {
  assert.equal(isAncestor(history, 1, parseLsn('0/3000158')), true);
  assert.equal(isAncestor(history, 1, parseLsn('0/3000159')), false);
  assert.equal(isAncestor(history, 3, parseLsn('0/1')), false);
  assert.equal(isAncestor(history, 4, parseLsn('FF/0')), true);
  assert.equal(switchPoint(history, 4), null);
  assert.equal(switchPoint(history, 3), undefined);
});

test('a position belongs to the timeline that wrote it', () => {
  assert.equal(timelineAt(history, parseLsn('0/3000157')), 1);
  assert.equal(timelineAt(history, parseLsn('0/3000158')), 2);
  assert.equal(timelineAt(history, parseLsn('0/5000000')), 4);
});

test('writing and reading give the same history', () => {
  assert.deepEqual(parseTimelineHistory(4, formatTimelineHistory(history)), history);
  assert.deepEqual(parseTimelineHistory(1, Buffer.alloc(0)).ancestors, []);
});

test('a history that cannot be is corrupt, not absent', () => {
  for (const bad of [
    '',
    '1\tnowhere\tx',
    '2\t0/1\tx\n1\t0/2\tx',
    '1\t0/5\tx\n2\t0/4\tx',
    '4\t0/1\tx',
  ]) {
    assert.throws(
      () => parseTimelineHistory(4, Buffer.from(bad)),
      (error) => isHoldfastError(error, 'WAL_HISTORY_CORRUPT'),
      bad,
    );
  }
});
