import assert from 'node:assert/strict';
import { test } from 'node:test';
import { getHeapSpaceStatistics } from 'node:v8';
import { keepHeapSmall } from './collect-garbage.ts';

const MiB = 1 << 20;

test('the room for young objects shrinks, and does not grow again', () => {
  const grown = leastRoom();
  assert.ok(grown > 4 * MiB, `V8 lets it grow: ${grown}`);
  keepHeapSmall();
  const kept = leastRoom();
  assert.ok(kept <= 4 * MiB, `it stayed small: ${kept}`);
});

/** Of several looks: amid a collection it may be more. */
const leastRoom = () =>
  Math.min(
    ...Array.from({ length: 5 }, () => {
      churn();
      return room();
    }),
  );

const room = () =>
  getHeapSpaceStatistics().find(({ space_name }) => space_name === 'new_space')?.space_size ?? 0;

/** Many of them live a while: that is what makes V8 grow their room. */
function churn(): void {
  let live: object[] = [];
  for (let number = 0; number < 3_000_000; number += 1) {
    live.push({ number });
    if (live.length > 200_000) live = [];
  }
}
