import assert from 'node:assert/strict';
import test from 'node:test';
import { formatInstant, instant, parseInstant } from './instant.ts';

test('an instant keeps PostgreSQL’s microseconds through text', () => {
  const text = '2026-11-21T14:32:07.000001Z';
  assert.equal(formatInstant(parseInstant(text)), text);
});

test('PostgreSQL’s own spelling reads the same as ISO 8601', () => {
  assert.equal(
    parseInstant('2026-11-21 14:32:07.5+00'),
    parseInstant('2026-11-21T16:32:07.500000+02:00'),
  );
});

test('a time without a zone is refused, never guessed', () => {
  assert.throws(() => parseInstant('2026-11-21 14:32:07'), RangeError);
});

test('instants before the epoch format correctly', () => {
  assert.equal(formatInstant(instant(-1)), '1969-12-31T23:59:59.999999Z');
});
