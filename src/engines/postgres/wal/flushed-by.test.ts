import assert from 'node:assert/strict';
import test from 'node:test';
import { instant } from '../../../content/instant.ts';
import { lsn } from '../lsn.ts';
import { FlushListener } from './flushed-by.ts';

const data = (end: bigint, time: number) =>
  ({
    kind: 'data',
    start: lsn(0n),
    serverEnd: lsn(end),
    time: instant(time),
    bytes: Buffer.alloc(0),
  }) as const;
const keepalive = (end: bigint, time: number) =>
  ({ kind: 'keepalive', serverEnd: lsn(end), time: instant(time), replyRequested: false }) as const;

test('one message tells nothing: the server looks for more log after it', () => {
  assert.equal(new FlushListener().hear(keepalive(100n, 1)), undefined);
  assert.equal(new FlushListener().hear(data(100n, 1)), undefined);
});

test('an end covers the time of the message before it', () => {
  const listener = new FlushListener();
  listener.hear(keepalive(100n, 1));
  assert.deepEqual(listener.hear(keepalive(100n, 2)), { end: 100n, time: 1 });
  assert.deepEqual(listener.hear(data(300n, 3)), { end: 300n, time: 2 });
  assert.deepEqual(listener.hear(keepalive(300n, 4)), { end: 300n, time: 3 });
});

test('a keepalive of a sender that is behind covers nothing', () => {
  const listener = new FlushListener();
  listener.hear(data(1000n, 1));
  assert.equal(listener.hear(keepalive(200n, 2)), undefined);
  assert.deepEqual(listener.hear(data(1100n, 3)), { end: 1100n, time: 2 });
  assert.equal(listener.hear(keepalive(1000n, 4)), undefined);
  assert.deepEqual(listener.hear(keepalive(1100n, 5)), { end: 1100n, time: 4 });
});
