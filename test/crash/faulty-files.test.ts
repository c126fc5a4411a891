import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import test from 'node:test';
import { errnoError, killAt } from '../doubles/faulty-file-system.ts';
import { Attempts } from './attempts.ts';
import { failedSync, onFaultyFiles, onLosingDisk } from './store-faults.ts';

const timeout = 150_000;
const SAMPLED = 4;
const healthy = () => undefined;

test('an fsync of the store fails: what was promised restores, what was there is unharmed', {
  timeout,
}, async (context) => {
  await using attempts = await Attempts.start();
  const counted = onFaultyFiles(attempts, healthy);
  await attempts.survive(counted.repository);
  const syncs = counted.calls.filter(({ name }) => name === 'handle.sync').length;
  assert.ok(syncs >= 10, `a backup syncs ${syncs} times`);
  for (let round = 0; round < SAMPLED; round++) {
    const nth = randomInt(1, syncs + 1);
    context.diagnostic(`fsync ${nth} of ${syncs}`);
    await attempts.survive(onFaultyFiles(attempts, failedSync(nth)).repository);
  }
});

test('a full disk ends a backup with the reason, and the next one works', {
  timeout,
}, async () => {
  await using attempts = await Attempts.start();
  let packed = false;
  const { repository } = onFaultyFiles(attempts, ({ name, path }) => {
    if (name !== 'handle.write' || !path.includes('/packs/')) return undefined;
    packed = true;
    return { error: errnoError('ENOSPC'), effect: 'none' };
  });
  const outcome = await attempts.survive(repository);
  assert.ok(packed);
  assert.ok('error' in outcome);
  assert.equal((outcome.error as { code?: string }).code, 'STORE_FULL');
});

test('a power cut at any moment: what was promised restores, what was there is unharmed', {
  timeout,
}, async (context) => {
  await using attempts = await Attempts.start();
  const counted = await onLosingDisk(attempts, healthy);
  const whole = await attempts.survive(counted.repository, counted.losePower);
  assert.ok('snapshot' in whole);
  for (let round = 0; round < SAMPLED; round++) {
    const nth = randomInt(1, counted.calls.length + 1);
    const effect = randomInt(2) === 0 ? 'none' : 'full';
    context.diagnostic(`call ${nth} of ${counted.calls.length}, effect ${effect}`);
    const cut = await onLosingDisk(attempts, killAt(nth, effect));
    await attempts.survive(cut.repository, cut.losePower);
  }
});
