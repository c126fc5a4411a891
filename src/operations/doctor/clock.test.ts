import assert from 'node:assert/strict';
import test from 'node:test';
import { clockFinding } from './clock.ts';

const status = (before: number, other: number, after: number) =>
  clockFinding('db1:5432', { before, other, after }).status;

test('two seconds are tolerated, and the time the answer took is nobody’s fault', () => {
  assert.equal(status(10_000, 10_000, 10_000), 'ok');
  assert.equal(status(10_000, 12_000, 10_000), 'ok');
  assert.equal(status(10_000, 8_000, 10_000), 'ok');
  assert.equal(status(10_000, 25_000, 30_000), 'ok');
  assert.equal(status(10_000, 12_001, 10_000), 'warning');
  assert.equal(status(10_000, 7_999, 30_000), 'warning');
});

test('the message says which way, by how much and what to do', () => {
  const finding = clockFinding('db1:5432', { before: 10_000, other: 5_500, after: 10_100 });
  assert.match(finding.message, /^The clock of db1:5432 is 4\.5 s behind /);
  assert.match(finding.hint ?? '', /timedatectl/);
});
