import assert from 'node:assert/strict';
import { test } from 'node:test';
import { discard } from './discard.ts';

test('a buffer of its own is gone at once; one that shares its memory is left alone', () => {
  const own = Buffer.from(new ArrayBuffer(1 << 20));
  const memory = own.buffer;
  discard(own);
  assert.equal(memory.detached, true);
  assert.equal(own.length, 0);

  const shared = new Uint8Array(64).fill(7);
  const part = shared.subarray(8, 16);
  discard(part);
  assert.equal(part[0], 7);
});
