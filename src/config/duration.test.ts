import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseDuration } from './duration.ts';

test('durations carry their unit', () => {
  assert.equal(parseDuration('5s'), 5000);
  assert.equal(parseDuration('250ms'), 250);
  assert.equal(parseDuration('1h30m'), 5_400_000);
  assert.equal(parseDuration(' 10 minutes '), 600_000);
  assert.equal(parseDuration('1.5 h'), 5_400_000);
  assert.equal(parseDuration('2 days 3 hours'), 183_600_000);
  assert.equal(parseDuration('0s'), 0);
});

test('a duration without a unit, or with an unknown one, is refused', () => {
  for (const text of ['5', '', 's', '5 parsecs', '5s!', '-5s', '5s 3', '1e3s', '5ss']) {
    assert.throws(() => parseDuration(text), RangeError, text);
  }
});
