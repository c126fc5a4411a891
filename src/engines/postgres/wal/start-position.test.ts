import assert from 'node:assert/strict';
import test from 'node:test';
import { isHoldfastError } from '../../../errors/holdfast-error.ts';
import { parseLsn } from '../lsn.ts';
import type { SourceServer } from './source-server.ts';
import { chooseStart } from './start-position.ts';
import { isSynchronousName } from './synchronous-names.ts';
import { parseTimelineHistory } from './timeline-history.ts';

const segmentSize = 16 << 20;
const history = parseTimelineHistory(
  3,
  Buffer.from('1\t0/3000158\tpromoted\n2\t0/5000000\tpromoted\n'),
);
const server: SourceServer = {
  address: 'db',
  systemIdentifier: '7',
  timeline: 3,
  flushed: parseLsn('0/7000100'),
  standby: false,
  segmentSize,
  history,
};
const start = (timeline: number, position: string, changes: Partial<SourceServer> = {}) =>
  chooseStart({
    server: { ...server, ...changes },
    journal: { timeline, lsn: parseLsn(position) },
    segmentSize,
  });
const refused = (
  act: () => unknown,
  code: 'WAL_JOURNAL_AHEAD' | 'WAL_SOURCE_BEHIND' | 'WAL_NOT_ANCESTOR',
) => assert.throws(act, (error) => isHoldfastError(error, code));

test('the journal’s end, rounded down to its segment', () => {
  assert.deepEqual(start(3, '0/6000200'), { timeline: 3, lsn: parseLsn('0/6000000') });
  assert.deepEqual(start(3, '0/7000100'), { timeline: 3, lsn: parseLsn('0/7000000') });
});

test('what is left of an ancestor is streamed first, to where it ended', () => {
  assert.deepEqual(start(1, '0/2ABCDEF'), { timeline: 1, lsn: parseLsn('0/2000000') });
});

test('at the fork the next timeline begins with the segment that holds the fork (§4.3 #20)', () => {
  assert.deepEqual(start(1, '0/3000158'), {
    timeline: 2,
    lsn: parseLsn('0/3000000'),
    switched: { from: 1, at: parseLsn('0/3000158'), beyond: null },
  });
  assert.deepEqual(start(2, '0/5000000'), {
    timeline: 3,
    lsn: parseLsn('0/5000000'),
    switched: { from: 2, at: parseLsn('0/5000000'), beyond: null },
  });
});

test('what the journal holds beyond the fork is reported: the new primary lost it', () => {
  assert.deepEqual(start(1, '0/3000900').switched?.beyond, parseLsn('0/3000900'));
});

test('a primary that has less than the journal is refused, a standby awaited', () => {
  refused(() => start(3, '0/7000101'), 'WAL_JOURNAL_AHEAD');
  refused(() => start(3, '0/7000101', { standby: true }), 'WAL_SOURCE_BEHIND');
  refused(() => start(4, '0/6000000'), 'WAL_JOURNAL_AHEAD');
  refused(() => start(4, '0/6000000', { standby: true }), 'WAL_SOURCE_BEHIND');
});

test('a server of another branch is refused (§4.3 #21)', () => {
  const other = parseTimelineHistory(3, Buffer.from('1\t0/3000158\tpromoted\n'));
  refused(() => start(2, '0/4000000', { history: other }), 'WAL_NOT_ANCESTOR');
});

test('an empty journal begins where the slot keeps the log, on the timeline that wrote it', () => {
  const begin = (startAt?: string) =>
    chooseStart({
      server,
      journal: undefined,
      segmentSize,
      ...(startAt ? { startAt: parseLsn(startAt) } : {}),
    });
  assert.deepEqual(begin(), { timeline: 3, lsn: parseLsn('0/7000000') });
  assert.deepEqual(begin('0/4123456'), { timeline: 2, lsn: parseLsn('0/4000000') });
});

test('synchronous_standby_names in all its forms', () => {
  const named = (setting: string) => isSynchronousName(setting, 'Holdfast_Log');
  for (const setting of [
    'holdfast_log',
    '*',
    'a, holdfast_log',
    '1 (holdfast_log, b)',
    'FIRST 2 (a, "HOLDFAST_LOG")',
    'any 1(b,*)',
    'ANY 1 ( "odd, name", holdfast_log )',
  ]) {
    assert.equal(named(setting), true, setting);
  }
  for (const setting of ['', 'holdfast_log2', 'ANY 1 (a, b)', '"x holdfast_log"']) {
    assert.equal(named(setting), false, setting);
  }
});
