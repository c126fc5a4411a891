import type { Check } from './check.ts';
import { inEachDatabase } from './database-session.ts';
import { Tally } from './tally.ts';

/** An index that is not valid answers no query; one not ready is not maintained either. */
export const checkValidIndexes: Check = {
  name: 'valid-indexes',
  level: 'L4',
  run: async (context) => {
    const tally = new Tally('indexes');
    await inEachDatabase(context, async (session) => {
      const rows = await session.rows(`
        SELECT c.oid::regclass, i.indisvalid AND i.indisready AND i.indislive
        FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
        WHERE c.relkind = 'i' AND c.relpersistence <> 't'`);
      for (const [name, valid] of rows) {
        tally.count();
        if (valid !== 't') tally.problem(`${session.database}: ${name} is not valid`);
      }
    });
    return tally.finding();
  },
};
