import assert from 'node:assert/strict';
import { test } from 'node:test';
import { counted, formatBytes, formatCount, formatSeconds } from './units.ts';

test('bytes in three significant digits', () => {
  assert.equal(formatBytes(0), '0 B');
  assert.equal(formatBytes(999), '999 B');
  assert.equal(formatBytes(1000), '0.98 KiB');
  assert.equal(formatBytes(1024), '1.00 KiB');
  assert.equal(formatBytes(10 * 1024 ** 2), '10.0 MiB');
  assert.equal(formatBytes(123.4 * 1024 ** 3), '123 GiB');
  assert.equal(formatBytes(5000 * 1024 ** 5), '5000 PiB');
});

test('spans in the unit a person would use', () => {
  assert.equal(formatSeconds(0), '0 ms');
  assert.equal(formatSeconds(0.42), '420 ms');
  assert.equal(formatSeconds(0.9999), '1.00 s');
  assert.equal(formatSeconds(12.34), '12.3 s');
  assert.equal(formatSeconds(59.97), '1 min 00 s');
  assert.equal(formatSeconds(187), '3 min 07 s');
  assert.equal(formatSeconds(3599.6), '1 h 00 min');
  assert.equal(formatSeconds(7500), '2 h 05 min');
  assert.equal(formatSeconds(273600), '3 d 04 h');
});

test('counts', () => {
  assert.equal(formatCount(1234567), '1,234,567');
  assert.equal(formatCount(123), '123');
  assert.equal(counted(1, 'snapshot'), '1 snapshot');
  assert.equal(counted(0, 'snapshot'), '0 snapshots');
});
