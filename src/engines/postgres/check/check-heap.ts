import { isHoldfastError } from '../../../errors/holdfast-error.ts';
import type { Check } from './check.ts';
import { inEachDatabase } from './database-session.ts';
import { Tally } from './tally.ts';

/** Tables, materialized views and TOAST tables that are heaps and hold anything on disk. */
export const HEAPS = `SELECT c.oid, c.oid::regclass::text
  FROM pg_class c JOIN pg_am a ON a.oid = c.relam
  WHERE c.relkind IN ('r', 'm', 't') AND a.amname = 'heap' AND c.relpersistence <> 't'
  ORDER BY c.oid`;

/** amcheck's verify_heapam: tuples, their visibility and their TOAST. */
export const checkHeap: Check = {
  name: 'heap',
  level: 'L3',
  run: async (context) => {
    const tally = new Tally('tables');
    await inEachDatabase(context, async (session) => {
      const schema = await session.extension('amcheck');
      for (const [oid, name] of await session.rows(HEAPS)) {
        context.signal?.throwIfAborted();
        tally.count();
        const found = await session.attempt(
          `SELECT blkno, offnum, msg FROM ${schema}.verify_heapam(${oid}, false, true)`,
        );
        const place = `${session.database}: ${name}`;
        if (isHoldfastError(found)) tally.problem(`${place}: ${found.message}`);
        else
          for (const [block, item, said] of found) {
            tally.problem(`${place} (${block},${item}): ${said}`);
          }
      }
    });
    return tally.finding();
  },
};
