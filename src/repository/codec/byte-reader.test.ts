import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { isHoldfastError } from '../../errors/holdfast-error.ts';
import { ByteReader } from './byte-reader.ts';
import { ByteWriter } from './byte-writer.ts';

const corrupt = (error: unknown) => isHoldfastError(error, 'OBJECT_CORRUPT');

test('every safe integer comes back as it went in', () => {
  fc.assert(
    fc.property(fc.array(fc.maxSafeNat()), (numbers) => {
      const writer = new ByteWriter();
      for (const number of numbers) writer.varint(number);
      const reader = new ByteReader(writer.finish(), 'test');
      assert.deepEqual(
        numbers.map(() => reader.varint()),
        numbers,
      );
      reader.end();
    }),
  );
});

test('the notation has these bytes', () => {
  const bytes = new ByteWriter()
    .varint(300)
    .text('é')
    .id(`${'00'.repeat(15)}ff`)
    .finish();
  assert.equal(bytes.toString('hex'), `ac02${'02c3a9'}${'00'.repeat(15)}ff`);
});

test('every truncation is corrupt, never a read beyond the end', () => {
  const whole = new ByteWriter()
    .varint(2 ** 53 - 1)
    .text('base/5/1259')
    .id('ab'.repeat(16))
    .finish();
  for (let length = 0; length < whole.length; length += 1) {
    // A larger buffer behind the view must not be reachable.
    const reader = new ByteReader(whole.subarray(0, length), 'test');
    assert.throws(() => {
      reader.varint();
      reader.text();
      reader.id();
    }, corrupt);
  }
});

test('overlong, oversized and left-over bytes are corrupt', () => {
  const read = (hex: string) => new ByteReader(Buffer.from(hex, 'hex'), 'test');
  assert.throws(() => read('8000').varint(), corrupt);
  assert.throws(() => read('ffffffffffffff7f').varint(), corrupt);
  assert.throws(() => read('ffffffffffffffffff01').varint(), corrupt);
  assert.throws(() => read('ff01').count(16), corrupt);
  assert.throws(() => read('00').end(), corrupt);
});

test('arbitrary bytes either read or are corrupt', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
      const reader = new ByteReader(bytes, 'test');
      try {
        while (reader.remaining > 0) {
          assert.ok(reader.varint() >= 0);
          reader.block();
        }
      } catch (error) {
        assert.ok(corrupt(error));
      }
    }),
  );
});
