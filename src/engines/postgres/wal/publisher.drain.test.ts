import assert from 'node:assert/strict';
import test from 'node:test';
import { HoldfastError } from '../../../errors/holdfast-error.ts';
import { machine } from '../../../host/host.ts';
import { lsn } from '../lsn.ts';
import { Journal } from './journal.ts';
import { WalPublisher } from './publisher.ts';
import { temporary } from './testing/following.ts';
import { MemoryLog } from './testing/memory-log.ts';

const SEGMENT = 1 << 20;
const START = lsn(5n * BigInt(SEGMENT));

test('a drain that is told to end answers that something is left', {
  timeout: 20_000,
}, async () => {
  using directory = temporary();
  await using journal = await Journal.open({
    host: machine,
    directory: directory.path,
    systemIdentifier: '7',
    segmentSize: SEGMENT,
  });
  await journal.attach({ timeline: 1, lsn: START });
  journal.append(START, Buffer.alloc(1000, 1));
  await journal.flush();
  const sink = new MemoryLog();
  const end = new AbortController();
  const publisher = new WalPublisher({
    host: machine,
    journal,
    sink,
    onEvent: ({ kind }) => {
      if (kind === 'upload-failed') end.abort();
    },
  });
  sink.fault = async () => {
    throw new HoldfastError('STORE_FULL', { key: 'x' });
  };
  assert.equal(await publisher.drain(end.signal), false);
  assert.equal(publisher.uploaded, undefined);
  sink.fault = () => Promise.resolve();
  assert.equal(await publisher.drain(new AbortController().signal), true);
  assert.deepEqual(publisher.uploaded, { timeline: 1, lsn: lsn(START + 1000n) });
});
