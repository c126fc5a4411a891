import { isHoldfastError } from '../../../errors/holdfast-error.ts';
import type { Check } from './check.ts';
import { type DatabaseSession, inEachDatabase, type Row } from './database-session.ts';
import { Tally } from './tally.ts';
import { NOT_SYSTEM } from './user-tables.ts';

/** Every CHECK and NOT NULL holds for every row, in one sequential scan a table. */
export const checkConstraints: Check = {
  name: 'constraints',
  level: 'L4',
  run: async (context) => {
    const tally = new Tally('constraints');
    await inEachDatabase(context, async (session) => {
      const byTable = Map.groupBy(await constraintsOf(session), ({ table }) => table);
      for (const [table, constraints] of byTable) {
        context.signal?.throwIfAborted();
        tally.count(constraints.length);
        const counts = constraints.map(({ violation }) => `count(*) FILTER (WHERE ${violation})`);
        const found = await session.attempt(`SELECT ${counts.join(', ')} FROM ONLY ${table}`);
        const place = `${session.database}: ${table}`;
        if (isHoldfastError(found)) {
          tally.problem(`${place}: ${found.message}`);
          continue;
        }
        constraints.forEach(({ name }, index) => {
          const rows = found[0]?.[index];
          if (rows !== '0') tally.problem(`${place}: ${rows} rows break ${name}`);
        });
      }
    });
    return tally.finding();
  },
};

interface Constraint {
  /** Quoted and qualified. */
  readonly table: string;
  readonly name: string;
  /** True of a row that breaks it. */
  readonly violation: string;
}

async function constraintsOf(session: DatabaseSession): Promise<Constraint[]> {
  const enforced = session.majorVersion >= 18 ? 'AND k.conenforced' : '';
  const checks = await session.rows(`
    SELECT k.conrelid::regclass, k.conname, pg_get_expr(k.conbin, k.conrelid)
    FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid
      JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE k.contype = 'c' AND k.convalidated ${enforced} AND c.relkind = 'r' AND ${NOT_SYSTEM}`);
  // From 18 on a NOT NULL may exist that was never validated.
  const unvalidated =
    session.majorVersion >= 18
      ? `AND NOT EXISTS (SELECT FROM pg_constraint k WHERE k.conrelid = c.oid
           AND k.contype = 'n' AND k.conkey[1] = a.attnum AND NOT k.convalidated)`
      : '';
  const notNulls = await session.rows(`
    SELECT c.oid::regclass, quote_ident(a.attname)
    FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
      JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE a.attnotnull AND a.attnum > 0 AND NOT a.attisdropped AND c.relkind = 'r'
      AND ${NOT_SYSTEM} ${unvalidated}`);
  return [...checks.map(checkOf), ...notNulls.map(notNullOf)];
}

const checkOf = ([table, name, expression]: Row): Constraint => ({
  table: table ?? '',
  name: `CHECK ${name}`,
  violation: `NOT (${expression})`,
});

const notNullOf = ([table, column]: Row): Constraint => ({
  table: table ?? '',
  name: `${column} NOT NULL`,
  // A composite value of nulls IS NULL too, but is not null.
  violation: `${column} IS NOT DISTINCT FROM NULL`,
});
