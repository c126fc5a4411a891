import { isHoldfastError } from '../../../errors/holdfast-error.ts';
import type { Check } from './check.ts';
import { type DatabaseSession, inEachDatabase } from './database-session.ts';
import { Tally } from './tally.ts';
import { NOT_SYSTEM } from './user-tables.ts';

/** No row refers to a row that is not there: an anti-join a key, without indexes. */
export const checkForeignKeys: Check = {
  name: 'foreign-keys',
  level: 'L4',
  run: async (context) => {
    const tally = new Tally('foreign keys');
    await inEachDatabase(context, async (session) => {
      for (const key of await foreignKeysOf(session)) {
        context.signal?.throwIfAborted();
        tally.count();
        const found = await session.attempt(key.temporal ? uncoveredOf(key) : orphansOf(key));
        const place = `${session.database}: ${key.from} ${key.name}`;
        if (isHoldfastError(found)) tally.problem(`${place}: ${found.message}`);
        else if (found[0]?.[0] !== '0') tally.problem(`${place}: ${found[0]?.[0]} orphaned rows`);
      }
    });
    return tally.finding();
  },
};

interface ForeignKey {
  readonly name: string;
  readonly from: string;
  readonly fromOnly: string;
  readonly to: string;
  readonly toOnly: string;
  readonly matchFull: boolean;
  /** The last column is a PERIOD. */
  readonly temporal: boolean;
  /** Referring column, equality operator, referred column; quoted. */
  readonly columns: readonly (readonly [string, string, string])[];
}

async function foreignKeysOf(session: DatabaseSession): Promise<ForeignKey[]> {
  const newest = session.majorVersion >= 18;
  const rows = await session.rows(`
    SELECT k.conname, k.conrelid::regclass, f.relkind, k.confrelid::regclass, t.relkind,
      k.confmatchtype, ${newest ? 'k.conperiod' : 'false'},
      json_agg(json_build_array(quote_ident(fa.attname),
        format('OPERATOR(%I.%s)', opn.nspname, o.oprname), quote_ident(ta.attname)) ORDER BY u.nth)
    FROM pg_constraint k
      JOIN pg_class f ON f.oid = k.conrelid JOIN pg_namespace n ON n.oid = f.relnamespace
      JOIN pg_class t ON t.oid = k.confrelid
      CROSS JOIN LATERAL unnest(k.conkey, k.confkey, k.conpfeqop)
        WITH ORDINALITY AS u(from_column, to_column, operator, nth)
      JOIN pg_attribute fa ON fa.attrelid = k.conrelid AND fa.attnum = u.from_column
      JOIN pg_attribute ta ON ta.attrelid = k.confrelid AND ta.attnum = u.to_column
      JOIN pg_operator o ON o.oid = u.operator JOIN pg_namespace opn ON opn.oid = o.oprnamespace
    WHERE k.contype = 'f' AND k.convalidated AND k.conparentid = 0
      ${newest ? 'AND k.conenforced' : ''} AND ${NOT_SYSTEM}
    GROUP BY k.oid, k.conname, k.conrelid, f.relkind, k.confrelid, t.relkind, k.confmatchtype
      ${newest ? ', k.conperiod' : ''}
    ORDER BY k.oid`);
  return rows.map(([name, from, fromKind, to, toKind, match, temporal, columns]) => ({
    name: name ?? '',
    from: from ?? '',
    fromOnly: only(fromKind),
    to: to ?? '',
    toOnly: only(toKind),
    matchFull: match === 'f',
    temporal: temporal === 't',
    columns: JSON.parse(columns ?? '[]') as [string, string, string][],
  }));
}

/** A partitioned table's key is its partitions' too; one that is inherited from is not. */
const only = (kind: string | null | undefined): string => (kind === 'p' ? '' : 'ONLY');

function orphansOf(key: ForeignKey): string {
  const matches = key.columns.map(([from, equals, to]) => `t.${to} ${equals} f.${from}`);
  const present = key.columns.map(([from]) => `f.${from} IS NOT DISTINCT FROM NULL`);
  const none = `NOT EXISTS (SELECT FROM ${key.toOnly} ${key.to} t WHERE ${matches.join(' AND ')})`;
  const orphaned = `NOT (${present.join(' OR ')}) AND ${none}`;
  const halfNull = `(${present.join(' OR ')}) AND NOT (${present.join(' AND ')})`;
  // MATCH FULL: all columns null, or none.
  const broken = key.matchFull ? `(${orphaned}) OR (${halfNull})` : orphaned;
  return `SELECT count(*) FROM ${key.fromOnly} ${key.from} f WHERE ${broken}`;
}

/** A period is covered by those of the referred rows together, as the server itself asks. */
function uncoveredOf(key: ForeignKey): string {
  const keys = key.columns.slice(0, -1);
  const [from, , to] = key.columns.at(-1) ?? ['', '', ''];
  const matches = keys.map(([column, equals, referred]) => `t.${referred} ${equals} f.${column}`);
  const overlapping = [...matches, `t.${to} OPERATOR(pg_catalog.&&) f.${from}`].join(' AND ');
  const covered = `(SELECT pg_catalog.range_agg(t.${to}) OPERATOR(pg_catalog.@>) f.${from}
    FROM ${key.toOnly} ${key.to} t WHERE ${overlapping})`;
  const present = key.columns.map(([column]) => `f.${column} IS NOT NULL`).join(' AND ');
  return `SELECT count(*) FROM ${key.fromOnly} ${key.from} f
    WHERE ${present} AND ${covered} IS NOT TRUE`;
}
