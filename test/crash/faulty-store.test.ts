import assert from 'node:assert/strict';
import test from 'node:test';
import { soak } from '../support/soak.ts';
import { failInTurn } from './in-turn.ts';
import { type StoreFault, spoiledWrites } from './store-faults.ts';

const FAULTS: readonly (readonly [StoreFault, string])[] = [
  ['before', 'fails'],
  ['after', 'takes place and loses its answer'],
  ['outage', 'is the first of an outage'],
];

for (const [fault, title] of FAULTS) {
  test(`a write of the store ${title}: never a false success`, {
    timeout: soak(3_600_000, 120_000),
  }, async (context) => {
    await failInTurn(context, {
      few: 2,
      count: async (attempts) => {
        const healthy = spoiledWrites(attempts, fault, Number.POSITIVE_INFINITY);
        await attempts.survive(healthy.repository);
        const writes = healthy.writes();
        assert.ok(writes >= 6, `a backup writes ${writes} times`);
        return writes;
      },
      fail: async ({ attempts, nth, early }) => {
        const outcome = await attempts.survive(spoiledWrites(attempts, fault, nth).repository);
        if (fault === 'outage' && early) assert.ok('error' in outcome);
        return outcome;
      },
    });
  });
}
