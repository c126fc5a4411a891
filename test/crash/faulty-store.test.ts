import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import test from 'node:test';
import { Attempts } from './attempts.ts';
import { type StoreFault, spoiledWrites } from './store-faults.ts';

const FAULTS: readonly StoreFault[] = ['before', 'after', 'outage'];
const SAMPLED = 3;

test('a write of the store fails, loses its answer, or is its last: never a false success', {
  timeout: 150_000,
}, async (context) => {
  await using attempts = await Attempts.start();
  const healthy = spoiledWrites(attempts, 'before', Number.POSITIVE_INFINITY);
  await attempts.survive(healthy.repository);
  const writes = healthy.writes();
  assert.ok(writes >= 6, `a backup writes ${writes} times`);
  let failed = 0;
  for (const fault of FAULTS) {
    for (let round = 0; round < SAMPLED; round++) {
      const nth = randomInt(1, writes + 1);
      context.diagnostic(`${fault} at write ${nth} of ${writes}`);
      const outcome = await attempts.survive(spoiledWrites(attempts, fault, nth).repository);
      if ('error' in outcome) failed++;
    }
  }
  assert.ok(failed > 0, 'some of them failed');
});
