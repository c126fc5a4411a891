import { isHoldfastError } from '../../../errors/holdfast-error.ts';
import type { Check } from './check.ts';
import { type DatabaseSession, inEachDatabase } from './database-session.ts';
import { Tally } from './tally.ts';
import { NOT_SYSTEM } from './user-tables.ts';

/**
 * No two rows conflict that an exclusion constraint, or a key WITHOUT OVERLAPS, keeps apart. Pairs
 * cannot be compared one by one: the index is built anew from the heap, which checks them all, and
 * the transaction it is built in is rolled back.
 */
export const checkExclusions: Check = {
  name: 'exclusion-constraints',
  level: 'L4',
  run: async (context) => {
    const tally = new Tally('exclusion constraints');
    await inEachDatabase(context, async (session) => {
      for (const index of await exclusionsOf(session)) {
        context.signal?.throwIfAborted();
        tally.count();
        await session.rows('SAVEPOINT before_build');
        const built = await session.attempt(`REINDEX INDEX ${index}`);
        if (isHoldfastError(built)) {
          tally.problem(`${session.database}: ${index}: ${built.message}`);
        }
        // Gives the room it took back at once.
        await session.rows('ROLLBACK TO before_build; RELEASE before_build');
      }
    });
    return tally.finding();
  },
};

async function exclusionsOf(session: DatabaseSession): Promise<string[]> {
  const rows = await session.rows(`
    SELECT i.indexrelid::regclass
    FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid
      JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE i.indisexclusion AND i.indisvalid AND c.relkind = 'r' AND ${NOT_SYSTEM}
    ORDER BY i.indexrelid`);
  return rows.map(([index]) => index ?? '');
}
