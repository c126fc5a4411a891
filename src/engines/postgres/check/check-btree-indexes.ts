import { isHoldfastError } from '../../../errors/holdfast-error.ts';
import type { Check } from './check.ts';
import { inEachDatabase } from './database-session.ts';
import { Tally } from './tally.ts';

const INDEXES = `SELECT c.oid, c.oid::regclass::text, i.indisunique
  FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_am a ON a.oid = c.relam
  WHERE a.amname = 'btree' AND c.relkind = 'i' AND c.relpersistence <> 't'
    AND i.indisready AND i.indisvalid
  ORDER BY c.oid`;

/** amcheck's bt_index_check: order within the tree, and every heap row has its entry. */
export const checkBtreeIndexes: Check = {
  name: 'btree-indexes',
  level: 'L3',
  run: async (context) => {
    const tally = new Tally('indexes');
    await inEachDatabase(context, async (session) => {
      const schema = await session.extension('amcheck');
      for (const [oid, name, unique] of await session.rows(INDEXES)) {
        context.signal?.throwIfAborted();
        tally.count();
        const checkUnique = session.majorVersion >= 17 ? `, ${unique === 't'}` : '';
        const found = await session.attempt(
          `SELECT ${schema}.bt_index_check(${oid}, true${checkUnique})`,
        );
        if (isHoldfastError(found)) tally.problem(`${session.database}: ${name}: ${found.message}`);
      }
    });
    return tally.finding();
  },
};
