import { isHoldfastError } from '../../../errors/holdfast-error.ts';
import type { Check } from './check.ts';
import { type DatabaseSession, inEachDatabase } from './database-session.ts';
import { Tally } from './tally.ts';
import { NOT_SYSTEM } from './user-tables.ts';

/** Primary keys and unique indexes are unique in the heap itself. */
export const checkUniqueKeys: Check = {
  name: 'unique-keys',
  level: 'L4',
  run: async (context) => {
    const tally = new Tally('unique keys');
    await inEachDatabase(context, async (session) => {
      for (const key of await uniqueKeysOf(session)) {
        context.signal?.throwIfAborted();
        tally.count();
        const found = await session.attempt(duplicatesOf(key));
        const place = `${session.database}: ${key.index}`;
        if (isHoldfastError(found)) tally.problem(`${place}: ${found.message}`);
        else if (found[0]?.[0] !== '0')
          tally.problem(`${place}: ${found[0]?.[0]} keys more than once`);
      }
    });
    return tally.finding();
  },
};

interface UniqueKey {
  readonly index: string;
  readonly table: string;
  readonly predicate: string | null;
  readonly nullsDistinct: boolean;
  readonly expressions: readonly string[];
}

async function uniqueKeysOf(session: DatabaseSession): Promise<UniqueKey[]> {
  const nullsNotDistinct = session.majorVersion >= 15 ? 'i.indnullsnotdistinct' : 'false';
  const rows = await session.rows(`
    SELECT i.indexrelid::regclass, i.indrelid::regclass, pg_get_expr(i.indpred, i.indrelid),
      ${nullsNotDistinct},
      (SELECT json_agg(pg_get_indexdef(i.indexrelid, nth, false) ORDER BY nth)
       FROM generate_series(1, i.indnkeyatts) nth)
    FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid
      JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE i.indisunique AND i.indisvalid AND c.relkind IN ('r', 'm') AND ${NOT_SYSTEM}
    ORDER BY i.indexrelid`);
  return rows.map(([index, table, predicate, notDistinct, expressions]) => ({
    index: index ?? '',
    table: table ?? '',
    predicate: predicate ?? null,
    nullsDistinct: notDistinct !== 't',
    expressions: JSON.parse(expressions ?? '[]') as string[],
  }));
}

function duplicatesOf({ table, predicate, nullsDistinct, expressions }: UniqueKey): string {
  const conditions = [
    ...(predicate === null ? [] : [`(${predicate})`]),
    ...(nullsDistinct ? expressions.map((key) => `(${key}) IS DISTINCT FROM NULL`) : []),
  ];
  const where = conditions.length > 0 ? `WHERE ${conditions.join(' AND ')}` : '';
  // A bare number in GROUP BY would mean a column of the result.
  const keys = expressions.map((key) => `(${key})`).join(', ');
  return `SELECT count(*) FROM (
    SELECT FROM ONLY ${table} ${where} GROUP BY ${keys} HAVING count(*) > 1) AS repeated`;
}
