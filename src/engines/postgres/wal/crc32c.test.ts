import assert from 'node:assert/strict';
import test from 'node:test';
import { CRC32C_INIT, crc32c, crc32cFinish, crc32cUpdate } from './crc32c.ts';

test('the check value of CRC-32C', () => {
  assert.equal(crc32c(Buffer.from('123456789')), 0xe3069283);
});

test('the vectors of RFC 3720', () => {
  assert.equal(crc32c(Buffer.alloc(32)), 0x8a9136aa);
  assert.equal(crc32c(Buffer.alloc(32, 0xff)), 0x62a8ab43);
  assert.equal(crc32c(Buffer.from(Array.from({ length: 32 }, (_, at) => at))), 0x46dd794e);
});

test('parts of any length give what the whole gives', () => {
  const bytes = Buffer.from(Array.from({ length: 257 }, (_, at) => (at * 131) & 0xff));
  for (let cut = 0; cut <= bytes.length; cut++) {
    const head = crc32cUpdate(CRC32C_INIT, bytes, 0, cut);
    assert.equal(crc32cFinish(crc32cUpdate(head, bytes, cut, bytes.length)), crc32c(bytes));
  }
});
