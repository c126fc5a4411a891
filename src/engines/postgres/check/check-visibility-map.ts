import { isHoldfastError } from '../../../errors/holdfast-error.ts';
import type { Check } from './check.ts';
import { HEAPS } from './check-heap.ts';
import { inEachDatabase } from './database-session.ts';
import { Tally } from './tally.ts';

/**
 * pg_visibility: no page may be marked all-visible or all-frozen that is not. A stale map makes
 * index-only scans answer wrong rows while the heap and its indexes look sound (trap 1).
 */
export const checkVisibilityMap: Check = {
  name: 'visibility-map',
  level: 'L3',
  run: async (context) => {
    const tally = new Tally('tables');
    await inEachDatabase(context, async (session) => {
      const schema = await session.extension('pg_visibility');
      for (const [oid, name] of await session.rows(HEAPS)) {
        context.signal?.throwIfAborted();
        tally.count();
        for (const state of ['visible', 'frozen']) {
          const place = `${session.database}: ${name}`;
          const found = await session.attempt(
            `SELECT count(*), min(found::text) FROM ${schema}.pg_check_${state}(${oid}) found`,
          );
          if (isHoldfastError(found)) {
            tally.problem(`${place}: ${found.message}`);
            continue;
          }
          const [[rows = '0', first] = []] = found;
          if (rows !== '0') {
            tally.problem(
              `${place}: ${rows} rows not all-${state} as the map says, first ${first}`,
            );
          }
        }
      }
    });
    return tally.finding();
  },
};
