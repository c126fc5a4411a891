import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { soak } from '../../../test/support/soak.ts';
import { instant } from '../../content/instant.ts';
import { lsn } from '../../engines/postgres/lsn.ts';
import type { SegmentCoverage } from '../log/coverage.ts';
import { firstSegmentAfter } from './first-after.ts';

const segmentsOf = (times: readonly (readonly number[])[]) => {
  const segments = times.map(
    (_, position): SegmentCoverage => ({
      timeline: 1,
      number: BigInt(position),
      name: String(position),
      covered: 16,
      pieces: [],
    }),
  );
  let reads = 0;
  const readFacts = async ({ number }: SegmentCoverage) => {
    reads++;
    return {
      transactions: (times[Number(number)] ?? []).map((at) => ({
        kind: 'commit' as const,
        xid: 1,
        at: instant(at),
        start: lsn(0n),
        end: lsn(0n),
      })),
      restorePoints: [],
      timelineStarts: [],
    };
  };
  return { segments, readFacts, reads: () => reads };
};

test('the segment in which recovery to a time must stop, for any ordered log', async () => {
  const log = fc
    .array(fc.array(fc.integer({ min: 1, max: 5 }), { maxLength: 4 }), { maxLength: 12 })
    .map((gaps) => {
      let clock = 0;
      return gaps.map((segment) => segment.map((gap) => (clock += gap)));
    });
  await fc.assert(
    fc.asyncProperty(log, fc.integer({ min: 0, max: 150 }), async (times, target) => {
      const { segments, readFacts } = segmentsOf(times);
      const found = await firstSegmentAfter({ segments, time: instant(target), readFacts });
      assert.equal(
        found,
        times.findIndex((segment) => segment.some((at) => at > target)),
      );
    }),
    { numRuns: soak(20_000, 500) },
  );
});

test('a thousand segments are not all read', async () => {
  const { segments, readFacts, reads } = segmentsOf(Array.from({ length: 1000 }, (_, i) => [i]));
  assert.equal(await firstSegmentAfter({ segments, time: instant(700.5), readFacts }), 701);
  assert.ok(reads() < 30, `${reads()} reads`);
});
