import assert from 'node:assert/strict';
import test from 'node:test';
import type { HoldfastError } from '../../src/errors/holdfast-error.ts';
import { killAt } from '../doubles/faulty-file-system.ts';
import { soak } from '../support/soak.ts';
import type { Attempts } from './attempts.ts';
import { failInTurn } from './in-turn.ts';
import {
  failedCall,
  failedSync,
  fullDisk,
  isSync,
  onFaultyFiles,
  onLosingDisk,
  takesSpace,
} from './store-faults.ts';

const timeout = soak(3_600_000, 120_000);
const healthy = () => undefined;

test('a file-system call fails once: what was promised restores, what was there is unharmed', {
  timeout,
}, async (context) => {
  await failInTurn(context, {
    few: 3,
    count: async (attempts) => (await callsOf(attempts)).length,
    fail: ({ attempts, nth, below }) => {
      const effect = below(2) === 0 ? 'none' : 'full';
      return attempts.survive(onFaultyFiles(attempts, failedCall(nth, effect)).repository);
    },
  });
});

test('an fsync fails: the same', { timeout }, async (context) => {
  await failInTurn(context, {
    few: 2,
    count: async (attempts) => (await callsOf(attempts)).filter(isSync).length,
    fail: ({ attempts, nth }) =>
      attempts.survive(onFaultyFiles(attempts, failedSync(nth)).repository),
  });
});

test('a disk that becomes full ends a backup with the reason, and the next one works', {
  timeout,
}, async (context) => {
  await failInTurn(context, {
    few: 3,
    count: async (attempts) => (await callsOf(attempts)).filter(takesSpace).length,
    fail: async ({ attempts, nth, early }) => {
      const outcome = await attempts.survive(onFaultyFiles(attempts, fullDisk(nth)).repository);
      if ('error' in outcome) {
        assert.equal((outcome.error as HoldfastError).code, 'STORE_FULL', String(outcome.error));
      } else assert.ok(!early, 'a backup that could not be stored is not promised');
      return outcome;
    },
  });
});

test('a power cut at any moment: what was promised restores, what was there is unharmed', {
  timeout,
}, async (context) => {
  await failInTurn(context, {
    few: 3,
    count: async (attempts) => {
      const { repository, calls, losePower } = await onLosingDisk(attempts, healthy);
      const whole = await attempts.survive(repository, losePower);
      assert.ok('snapshot' in whole, 'a backup is promised before the power goes');
      return calls.length;
    },
    fail: async ({ attempts, nth, below }) => {
      const effect = below(2) === 0 ? 'none' : 'full';
      const cut = await onLosingDisk(attempts, killAt(nth, effect));
      return await attempts.survive(cut.repository, cut.losePower);
    },
  });
});

/** What a backup asks of the file system. */
async function callsOf(attempts: Attempts) {
  const { repository, calls } = onFaultyFiles(attempts, healthy);
  const outcome = await attempts.survive(repository);
  assert.ok('snapshot' in outcome);
  const syncs = calls.filter(isSync).length;
  assert.ok(syncs >= 10, `a backup syncs ${syncs} times`);
  return calls;
}
