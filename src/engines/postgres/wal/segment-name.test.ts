import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { lsn, parseLsn } from '../lsn.ts';
import {
  historyName,
  parseWalFileName,
  segmentName,
  segmentNumber,
  segmentOffset,
  segmentStart,
} from './segment-name.ts';

const MIB = 1 << 20;

test('the names PostgreSQL gives', () => {
  const name = (position: string, segmentSize: number) =>
    segmentName({
      timeline: 3,
      number: segmentNumber(parseLsn(position), segmentSize),
      segmentSize,
    });
  assert.equal(name('16/B374D848', 16 * MIB), '0000000300000016000000B3');
  assert.equal(name('16/B374D848', MIB), '000000030000001600000B37');
  assert.equal(name('16/B374D848', 1024 * MIB), '000000030000001600000002');
  assert.equal(historyName(26), '0000001A.history');
});

test('a name and its position are the same thing, for any segment size', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 0xffff_ffff }),
      fc.bigInt({ min: 0n, max: (1n << 63n) - 1n }),
      fc.integer({ min: 0, max: 10 }),
      (timeline, position, power) => {
        const segmentSize = MIB << power;
        const number = segmentNumber(lsn(position), segmentSize);
        const name = segmentName({ timeline, number, segmentSize });
        assert.deepEqual(parseWalFileName(name, segmentSize), {
          kind: 'segment',
          timeline,
          number,
        });
        const start = segmentStart(lsn(position), segmentSize);
        assert.equal(start + BigInt(segmentOffset(lsn(position), segmentSize)), position);
      },
    ),
  );
});

test('partial, history and backup files are told apart, other names are none', () => {
  const parse = (name: string) => parseWalFileName(name, 16 * MIB);
  const segment = { timeline: 1, number: 0x1_00n + 2n };
  assert.deepEqual(parse('000000010000000100000002.partial'), { kind: 'partial', ...segment });
  assert.deepEqual(parse('000000010000000100000002.00000028.backup'), {
    kind: 'backup',
    ...segment,
    offset: 0x28,
  });
  assert.deepEqual(parse('0000000A.history'), { kind: 'history', timeline: 10 });
  for (const name of [
    '',
    '00000001000000010000000',
    '0000000100000001000001FF',
    '00000001000000010000000g',
    'xlogtemp.12',
    '000000010000000100000002.gz',
    'archive_status',
    '0000000100000001000000020',
  ]) {
    assert.equal(parse(name), undefined, name);
  }
});
