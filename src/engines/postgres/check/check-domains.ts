import { isHoldfastError } from '../../../errors/holdfast-error.ts';
import type { Check } from './check.ts';
import { type DatabaseSession, inEachDatabase } from './database-session.ts';
import { Tally } from './tally.ts';
import { NOT_SYSTEM } from './user-tables.ts';

/**
 * Every value in a column of a domain is one of the domain. A null may stand in a column of a
 * NOT NULL domain, as PostgreSQL documents, so that only values are looked at.
 */
export const checkDomains: Check = {
  name: 'domains',
  level: 'L4',
  run: async (context) => {
    const tally = new Tally('columns of domains');
    await inEachDatabase(context, async (session) => {
      const byTable = Map.groupBy(await columnsOf(session), ({ table }) => table);
      for (const [table, columns] of byTable) {
        context.signal?.throwIfAborted();
        const place = `${session.database}: ${table}`;
        const checked = columns.filter(({ validated }) => validated);
        for (const { name } of columns.filter(({ validated }) => !validated)) {
          tally.note(`${place}.${name} not looked at, as its domain was never validated`);
        }
        if (checked.length === 0) continue;
        tally.count(checked.length);
        // A value becomes its base type and then one of the domain again, which checks it.
        const values = checked.map(
          ({ name, base, domain }) =>
            `count(CASE WHEN ${name} IS DISTINCT FROM NULL THEN ${name}::${base}::${domain} END)`,
        );
        const found = await session.attempt(`SELECT ${values.join(', ')} FROM ONLY ${table}`);
        if (isHoldfastError(found)) tally.problem(`${place}: ${found.message}`);
      }
    });
    return tally.finding();
  },
};

interface DomainColumn {
  /** All quoted, and qualified where they need be. */
  readonly table: string;
  readonly name: string;
  readonly domain: string;
  readonly base: string;
  /** A constraint added NOT VALID says nothing of the values before it. */
  readonly validated: boolean;
}

async function columnsOf(session: DatabaseSession): Promise<DomainColumn[]> {
  // -1: without a length, to which a cast would cut the value.
  const rows = await session.rows(`
    WITH RECURSIVE link AS (
      SELECT oid AS domain, oid AS step, typbasetype AS base FROM pg_type WHERE typtype = 'd'
      UNION ALL
      SELECT link.domain, t.oid, t.typbasetype
      FROM link JOIN pg_type t ON t.oid = link.base WHERE t.typtype = 'd'
    ), checked AS (
      SELECT link.domain, bool_and(k.convalidated) AS validated
      FROM link JOIN pg_constraint k ON k.contypid = link.step AND k.contype = 'c'
      GROUP BY link.domain
    )
    SELECT c.oid::regclass, quote_ident(a.attname), format_type(a.atttypid, -1),
      format_type(link.base, -1), checked.validated
    FROM checked JOIN link USING (domain) JOIN pg_type root ON root.oid = link.base
      JOIN pg_attribute a ON a.atttypid = checked.domain
      JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE root.typtype <> 'd' AND a.attnum > 0 AND NOT a.attisdropped
      AND c.relkind IN ('r', 'm') AND ${NOT_SYSTEM}
    ORDER BY c.oid, a.attnum`);
  return rows.map(([table, name, domain, base, validated]) => ({
    table: table ?? '',
    name: name ?? '',
    domain: domain ?? '',
    base: base ?? '',
    validated: validated === 't',
  }));
}
