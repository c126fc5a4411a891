import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { MessageReader } from './message-reader.ts';

interface Message {
  readonly type: number;
  readonly payload: string;
}

const encode = ({ type, payload }: Message): Buffer => {
  const body = Buffer.from(payload, 'latin1');
  const head = Buffer.alloc(5);
  head[0] = type;
  head.writeInt32BE(4 + body.length, 1);
  return Buffer.concat([head, body]);
};

const messages: readonly Message[] = [
  { type: 0x44, payload: 'first' },
  { type: 0x5a, payload: '' },
  { type: 0x64, payload: 'x'.repeat(300) },
  { type: 0x43, payload: 'last' },
];
const stream = Buffer.concat(messages.map(encode));

function collector(): { readonly got: Message[]; readonly reader: MessageReader } {
  const got: Message[] = [];
  const reader = new MessageReader((type, payload) => {
    got.push({ type, payload: payload.toString('latin1') });
  });
  return { got, reader };
}

/** As the socket does: one buffer for every chunk. */
function feed(reader: MessageReader, chunks: readonly Buffer[]): void {
  const shared = Buffer.alloc(Math.max(1, ...chunks.map((chunk) => chunk.length)));
  for (const chunk of chunks) {
    chunk.copy(shared);
    reader.push(shared.subarray(0, chunk.length));
    shared.fill(0xff);
  }
}

test('a stream cut in two at every byte gives the same messages', () => {
  for (let cut = 0; cut <= stream.length; cut++) {
    const { got, reader } = collector();
    feed(reader, [stream.subarray(0, cut), stream.subarray(cut)]);
    assert.deepEqual(got, messages, `cut at ${cut}`);
  }
});

test('a stream byte by byte gives the same messages', () => {
  const { got, reader } = collector();
  feed(
    reader,
    [...stream].map((byte) => Buffer.from([byte])),
  );
  assert.deepEqual(got, messages);
});

test('any messages in any chunks, paused after any of them, arrive once and in order', () => {
  fc.assert(
    fc.property(
      fc.array(
        fc.record({
          type: fc.integer({ min: 1, max: 255 }),
          payload: fc.string({ unit: 'binary-ascii', maxLength: 90 }),
        }),
        { maxLength: 12 },
      ),
      fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 20 }),
      fc.integer({ min: 1, max: 4 }),
      (sent, sizes, pauseEvery) => {
        const got: Message[] = [];
        const reader = new MessageReader((type, payload) => {
          assert.ok(!reader.paused, 'nothing is delivered while paused');
          got.push({ type, payload: payload.toString('latin1') });
          if (got.length % pauseEvery === 0) reader.pause();
        });
        const bytes = Buffer.concat(sent.map(encode));
        const chunks: Buffer[] = [];
        for (let at = 0, n = 0; at < bytes.length; n++) {
          const size = sizes[n % sizes.length]!;
          chunks.push(bytes.subarray(at, at + size));
          at += size;
        }
        feed(reader, chunks);
        for (let tries = 0; reader.paused && tries <= sent.length; tries++) reader.resume();
        assert.deepEqual(
          got,
          [...sent].map((message) => ({ ...message })),
        );
      },
    ),
  );
});

test('a length no server sends is refused at once', () => {
  for (const length of [3, 0, -1, 0x4000_0000]) {
    const { reader } = collector();
    const head = Buffer.alloc(5);
    head.writeInt32BE(length, 1);
    assert.throws(() => reader.push(head), { code: 'POSTGRES_PROTOCOL' });
  }
});

test('a message of 40 MiB in small chunks costs no quadratic copying', () => {
  const { got, reader } = collector();
  const big = encode({ type: 0x64, payload: 'y'.repeat(40 << 20) });
  const begin = performance.now();
  for (let at = 0; at < big.length; at += 4096) reader.push(big.subarray(at, at + 4096));
  assert.equal(got[0]?.payload.length, 40 << 20);
  assert.ok(performance.now() - begin < 5_000);
});
