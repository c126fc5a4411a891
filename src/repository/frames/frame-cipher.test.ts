import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import { isHoldfastError } from '../../errors/holdfast-error.ts';
import { type FrameAddress, openFrame, sealFrame } from './frame-cipher.ts';
import {
  FLAG_ZSTD,
  FRAME_KIND,
  findFrames,
  HEADER_BYTES,
  readFrameHeader,
} from './frame-header.ts';

const key = Buffer.alloc(32, 7);
const address: FrameAddress = {
  repository: '11'.repeat(16),
  object: '22'.repeat(16),
  number: 3,
  kind: FRAME_KIND.stream,
};
const corrupt = (error: unknown) => isHoldfastError(error, 'OBJECT_CORRUPT');
const open = (sealed: Uint8Array, at: Partial<FrameAddress> = {}, maxLength = 1 << 20) =>
  openFrame({ key, address: { ...address, ...at }, sealed, maxLength, name: 'test' });

test('a sealed frame opens to its plaintext', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 5000 }), fc.nat({ max: 9 }), (part, repeats) => {
      const plaintext = Buffer.concat(Array.from({ length: repeats + 1 }, () => part));
      assert.deepEqual(open(sealFrame({ key, address, plaintext })), plaintext);
    }),
  );
});

test('a short frame has these bytes, for a second implementation', () => {
  const sealed = sealFrame({ key, address, plaintext: Buffer.from('holdfast') });
  assert.equal(
    sealed.toString('hex'),
    '4846465218000000030000000200b379e4d240cb2b4a9aaaf066133921e048dd7cb2fcdd5ae0168b',
  );
});

test('content that shrinks is compressed, content that does not is kept', () => {
  const flags = (plaintext: Buffer) =>
    readFrameHeader(sealFrame({ key, address, plaintext }))?.flags;
  assert.equal(flags(Buffer.alloc(8192)), FLAG_ZSTD);
  assert.equal(flags(randomBytes(8192)), 0);
});

test('every flipped bit and every truncation of a frame is corrupt', () => {
  for (const plaintext of [Buffer.alloc(300, 1), Buffer.from('short')]) {
    const sealed = sealFrame({ key, address, plaintext });
    for (let bit = 0; bit < sealed.length * 8; bit += 1) {
      const bad = Buffer.from(sealed);
      bad[bit >> 3] = (bad[bit >> 3] as number) ^ (1 << (bit & 7));
      assert.throws(() => open(bad), corrupt);
    }
    for (let length = 0; length < sealed.length; length += 1) {
      assert.throws(() => open(sealed.subarray(0, length)), corrupt);
    }
  }
});

test('a frame opens nowhere but at its own address and under its own key', () => {
  const sealed = sealFrame({ key, address, plaintext: Buffer.from('content') });
  assert.throws(() => open(sealed, { repository: '12'.repeat(16) }), corrupt);
  assert.throws(() => open(sealed, { object: '23'.repeat(16) }), corrupt);
  assert.throws(() => open(sealed, { number: 4 }), corrupt);
  assert.throws(() => open(sealed, { kind: FRAME_KIND.pages }), corrupt);
  const other = { address, sealed, maxLength: 100, name: 'test' };
  assert.throws(() => openFrame({ ...other, key: Buffer.alloc(32, 8) }), corrupt);
});

test('a frame never expands beyond the length its reader expects', () => {
  const sealed = sealFrame({ key, address, plaintext: Buffer.alloc(1 << 20) });
  assert.throws(() => open(sealed, {}, (1 << 20) - 1), corrupt);
  assert.equal(open(sealed, {}, 1 << 20).length, 1 << 20);
});

test('frames are found without a key, also behind damage', () => {
  const frames = Array.from({ length: 6 }, (_, number) =>
    sealFrame({ key, address: { ...address, number }, plaintext: randomBytes(500 + number) }),
  );
  const object = Buffer.concat(frames);
  const numbers = (bytes: Buffer) => [...findFrames(bytes)].map((frame) => frame.number);
  assert.deepEqual(numbers(object), [0, 1, 2, 3, 4, 5]);

  const second = (frames[0] as Buffer).length;
  const damaged = Buffer.from(object);
  damaged.fill(0, second, second + HEADER_BYTES);
  assert.deepEqual(numbers(damaged), [0, 2, 3, 4, 5]);

  const cut = Buffer.concat([object.subarray(0, second + 40), object.subarray(second + 300)]);
  assert.deepEqual(
    numbers(cut).filter((number) => number > 2),
    [3, 4, 5],
  );
  assert.equal([...findFrames(object.subarray(0, object.length - 1))].at(-1)?.whole, false);
});
