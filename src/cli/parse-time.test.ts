import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import fc from 'fast-check';
import { formatInstant, instantOfMillis } from '../content/instant.ts';
import { isHoldfastError } from '../errors/holdfast-error.ts';
import { localFields, localTime, zonedTime } from './local-time.ts';
import { parseTime } from './parse-time.ts';

const zoneBefore = process.env.TZ;
before(() => {
  process.env.TZ = 'Europe/Berlin';
});
after(() => {
  if (zoneBefore === undefined) delete process.env.TZ;
  else process.env.TZ = zoneBefore;
});

const now = Date.parse('2026-11-21T13:32:07.250Z');
const read = (text: string) => formatInstant(parseTime({ text, now }).time);
const refusal = (text: string) => {
  try {
    parseTime({ text, now });
  } catch (error) {
    assert.ok(isHoldfastError(error), String(error));
    return error;
  }
  return assert.fail(`${text} was accepted`);
};

test('a time with its zone is taken as it is, and nothing is assumed', () => {
  assert.equal(read('2026-11-21T14:32:07Z'), '2026-11-21T14:32:07.000000Z');
  assert.equal(read('2026-11-21 14:32:07.123456+01:00'), '2026-11-21T13:32:07.123456Z');
  assert.equal(read('2026-11-21T14:32:07.5-0330'), '2026-11-21T18:02:07.500000Z');
  assert.equal(read('2026-11-21T14:32:07 utc'), '2026-11-21T14:32:07.000000Z');
  assert.equal(read('2026-11-21 14:32:07+01'), '2026-11-21T13:32:07.000000Z');
  assert.equal(parseTime({ text: '2026-11-21T14:32:07Z', now }).assumption, undefined);
});

test("a time without a zone is this machine's, said aloud", () => {
  const { time, assumption } = parseTime({ text: '2026-07-01 14:32:07', now });
  assert.equal(formatInstant(time), '2026-07-01T12:32:07.000000Z');
  assert.match(assumption!, /2026-07-01T14:32:07\+02:00/);
  assert.equal(read('2026-11-21 14:32'), '2026-11-21T13:32:00.000000Z');
  assert.equal(read('14:32:07'), '2026-11-21T13:32:07.000000Z');
  assert.equal(read('9:05'), '2026-11-21T08:05:00.000000Z');
  assert.equal(read('14:32:07.000001'), '2026-11-21T13:32:07.000001Z');
  assert.ok(parseTime({ text: '14:32:07', now }).assumption);
});

test('spans before now', () => {
  assert.equal(read('10 min ago'), '2026-11-21T13:22:07.250000Z');
  assert.equal(read('-10m'), '2026-11-21T13:22:07.250000Z');
  assert.equal(read('1h30m ago'), '2026-11-21T12:02:07.250000Z');
  assert.equal(read('now'), '2026-11-21T13:32:07.250000Z');
});

test('what is no moment is refused with the reason', () => {
  for (const [text, reason] of [
    ['yesterday', /none of the accepted/],
    ['2026-11-21', /a day is not a moment/],
    ['14:32:07Z', /needs its date/],
    ['2026-02-31 10:00:00', /no such date/],
    ['2026-02-31T10:00:00Z', /no such date/],
    ['2026-11-21T25:00:00Z', /no such date/],
    ['2026-11-21T10:00:00+25:00', /no such date/],
    ['25:00:00', /no such date/],
    ['23:59:59', /still to come/],
    ['10 ago', /unit/],
    ['', /none of the accepted/],
    ['2026-11-21T14:32:07.1234567Z', /six digits/],
  ] as const) {
    const error = refusal(text);
    assert.equal(error.code, 'TIME_UNREADABLE', text);
    assert.equal(error.kind, 'usage');
    assert.match(error.message, reason);
  }
});

test('a local time the clocks skipped is refused, one they showed twice asks which', () => {
  assert.equal(refusal('2026-03-29 02:30:00').code, 'TIME_UNREADABLE');
  const error = refusal('2026-10-25 02:30:00');
  assert.equal(error.code, 'TIME_AMBIGUOUS');
  assert.match(error.hint, /2026-10-25T02:30:00\+02:00 or --at 2026-10-25T02:30:00\+01:00/);
  assert.equal(read('2026-10-25T02:30:00+02:00'), '2026-10-25T00:30:00.000000Z');
});

test('every moment reads back from how it is printed', () => {
  const moments = fc.integer({ min: Date.UTC(2001, 0, 1), max: Date.UTC(2099, 0, 1) });
  fc.assert(
    fc.property(moments, (millis) => {
      const time = instantOfMillis(millis);
      assert.equal(parseTime({ text: zonedTime(time), now }).time, time);
      const seconds = instantOfMillis(Math.floor(millis / 1000) * 1000);
      assert.equal(parseTime({ text: localTime(formatInstant(seconds)), now }).time, seconds);
      const fields = localFields(new Date(millis));
      try {
        assert.equal(parseTime({ text: fields, now }).time, seconds);
      } catch (error) {
        assert.ok(isHoldfastError(error, 'TIME_AMBIGUOUS'), String(error));
      }
    }),
  );
});
