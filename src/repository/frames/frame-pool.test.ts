import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { isHoldfastError } from '../../errors/holdfast-error.ts';
import { FRAME_OVERHEAD } from './frame-cipher.ts';
import { FRAME_KIND } from './frame-header.ts';
import { FramePool } from './frame-pool.ts';
import { PAGE_HASH_BYTES, zeroPageHash } from './page-hash.ts';
import { WorkerPool } from './worker-pool.ts';

const PAGE = 8192;
const key = Uint8Array.from(randomBytes(32));
const address = {
  repository: '11'.repeat(16),
  object: '22'.repeat(16),
  number: 0,
  kind: FRAME_KIND.pages,
};

test('pages come back from the threads as they went, with their hashes', async () => {
  await using pool = new FramePool({ workers: 2 });
  const bytes = Uint8Array.from(randomBytes(3 * PAGE));
  bytes.fill(0, PAGE, 2 * PAGE);
  const buffer = new ArrayBuffer(16 * PAGE + FRAME_OVERHEAD);
  new Uint8Array(buffer).set(bytes);

  const length = bytes.length;
  const seal = { task: 'seal', buffer, length, unit: PAGE, key, address, check: true } as const;
  const sealed = await pool.seal(seal);
  assert.equal(buffer.byteLength, 0, 'the buffer was transferred, not copied');
  assert.equal(sealed.buffer.byteLength, 16 * PAGE + FRAME_OVERHEAD, 'and came back');
  const third = createHash('sha256')
    .update(bytes.subarray(2 * PAGE))
    .digest();
  const hashes = Buffer.from(sealed.hashes);
  assert.deepEqual(hashes.subarray(24), third.subarray(0, PAGE_HASH_BYTES));
  assert.deepEqual(hashes.subarray(12, 24), zeroPageHash(PAGE));

  const { length: sealedLength, digest } = sealed;
  const name = 'packs/x';
  const open = { task: 'open', unit: PAGE, key, address, name, length, sealedLength } as const;
  const copy = sealed.buffer.slice();
  const wrong = pool.open({ ...open, buffer: copy, digest: new Uint8Array(32) });
  await assert.rejects(wrong, (error) => isHoldfastError(error, 'OBJECT_CORRUPT'));
  const opened = await pool.open({ ...open, buffer: sealed.buffer, digest });
  assert.deepEqual(new Uint8Array(opened.buffer, 0, length), bytes);
  assert.deepEqual(opened.hashes, sealed.hashes);
});

const inline = (code: string) => new URL(`data:text/javascript,${encodeURIComponent(code)}`);
const boom = `import { parentPort } from 'node:worker_threads';
parentPort.on('message', (message) => {
  if (message === null) return parentPort.close();
  const { id, task } = message;
  if (task === 'throw') throw new Error('boom');
  if (task === 'exit') process.exit(3);
  if (task !== 'hang') parentPort.postMessage({ id, result: task });
});`;
const internal = (error: unknown) => isHoldfastError(error, 'INTERNAL');

for (const end of ['throw', 'exit']) {
  test(`a thread that ends by ${end} rejects every job, running or waiting`, async () => {
    await using pool = new WorkerPool<string, string>({ url: inline(boom), size: 1 });
    assert.equal(await pool.run('hello', []), 'hello');
    const jobs = [end, 'hang', 'a', 'b'].map((task) => pool.run(task, []));
    for (const settled of await Promise.allSettled(jobs)) assert.equal(settled.status, 'rejected');
    await assert.rejects(pool.run('later', []), internal);
  });
}

test('closing a pool rejects what it has not answered', async () => {
  const pool = new WorkerPool<string, string>({ url: inline(boom), size: 2 });
  const jobs = ['hang', 'hang', 'hang', 'hang', 'hang'].map((task) => pool.run(task, []));
  const settled = Promise.allSettled(jobs);
  await pool.close();
  for (const result of await settled) assert.equal(result.status, 'rejected');
});

test('a worker file that cannot be loaded rejects instead of hanging', async () => {
  const url = new URL('./no-such.worker.ts', import.meta.url);
  await using pool = new WorkerPool<string, string>({ url, size: 1 });
  await assert.rejects(pool.run('x', []), internal);
});

test('buffers that cannot be transferred reject their own job only', async () => {
  await using pool = new WorkerPool<unknown, unknown>({ url: inline(boom), size: 1 });
  await assert.rejects(pool.run(() => undefined, []));
  assert.equal(await pool.run('still here', []), 'still here');
});

test('closing a busy pool never aborts the process (Node 26.10, zstd in a terminated thread)', async () => {
  for (let round = 0; round < 8; round += 1) {
    const pool = new FramePool({ workers: 2 });
    const jobs = Array.from({ length: 8 }, () => {
      const buffer = new ArrayBuffer(16 * PAGE + FRAME_OVERHEAD);
      const task = { task: 'seal', length: 16 * PAGE, unit: PAGE, key, address } as const;
      return pool.seal({ ...task, buffer, check: true });
    });
    const settled = Promise.allSettled(jobs);
    await jobs[0];
    await pool.close();
    await settled;
  }
});
