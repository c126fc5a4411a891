import { openSession } from '../../src/capture/source.ts';
import type { Connection } from '../../src/engines/postgres/protocol/connection.ts';
import { sourceOf } from './scenario.ts';

interface Reachable {
  readonly socketDir: string;
  readonly port: number;
}

/** Tables but the unlogged, which a recovery empties. */
const TABLES = `
  select oid::regclass::text from pg_class
   where relkind = 'r' and relpersistence = 'p' and relnamespace = 'public'::regnamespace
   order by 1`;

const REST = `
  select 'sequence ' || schemaname || '.' || sequencename || ' ' || coalesce(last_value::text, '-') from pg_sequences
  union all
  select 'large objects ' || count(*) || ' ' || coalesce(md5(string_agg(md5(lo_get(oid)), ',' order by oid)), '-') from pg_largeobject_metadata
  union all
  select 'relations ' || md5(string_agg(format('%s %s %s %s', oid, relname, relkind, relfilenode), ',' order by oid)) from pg_class
  order by 1`;

/** What every database of a server holds, as lines to compare. */
export async function digestOf(server: Reachable): Promise<string[]> {
  const lines: string[] = [];
  const databases = await inDatabase(server, 'postgres', (session) =>
    column(session, 'select datname from pg_database where datallowconn order by 1'),
  );
  for (const database of databases) {
    await inDatabase(server, database, async (session) => {
      for (const table of await column(session, TABLES)) {
        const rows = `select count(*) || ' ' || coalesce(md5(string_agg(r::text, ',' order by r::text)), '-') from ${table} r`;
        lines.push(`${database} ${table} ${await column(session, rows)}`);
      }
      for (const line of await column(session, REST)) lines.push(`${database} ${line}`);
    });
  }
  return lines;
}

/** The first column of a query's rows. */
export async function column(session: Connection, sql: string): Promise<string[]> {
  const sets = await session.query(sql);
  return (sets.at(-1)?.rows ?? []).map(([value]) => value ?? 'null');
}

export async function inDatabase<Result>(
  server: Reachable,
  database: string,
  body: (session: Connection) => Promise<Result>,
): Promise<Result> {
  const source = sourceOf(server, 'looked at', database);
  await using session = await openSession(source, { applicationName: 'test' });
  return await body(session);
}
