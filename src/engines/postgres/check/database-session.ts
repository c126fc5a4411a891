import { HoldfastError } from '../../../errors/holdfast-error.ts';
import type { Connection } from '../protocol/connection.ts';
import type { CheckContext } from './check.ts';

export type Row = readonly (string | null)[];

/**
 * One database seen through one transaction that is rolled back: extensions which the checks need
 * are created in it and gone afterwards. Plans may not use indexes, so that heap is compared with
 * heap, whatever an index says.
 */
export class DatabaseSession {
  readonly database: string;
  readonly #connection: Connection;

  constructor(connection: Connection, database: string) {
    this.#connection = connection;
    this.database = database;
  }

  get majorVersion(): number {
    return Math.floor(this.#connection.serverVersionNum / 10_000);
  }

  async rows(sql: string): Promise<readonly Row[]> {
    const sets = await this.#connection.query(sql);
    return sets.at(-1)?.rows ?? [];
  }

  /** Rows, or what the server said; the transaction goes on either way. */
  async attempt(sql: string): Promise<readonly Row[] | HoldfastError> {
    await this.rows('SAVEPOINT attempt');
    try {
      const rows = await this.rows(sql);
      await this.rows('RELEASE attempt');
      return rows;
    } catch (error) {
      if (!(error instanceof HoldfastError) || !this.#connection.open) throw error;
      await this.rows('ROLLBACK TO attempt');
      return error;
    }
  }

  /** Answers the quoted schema of its functions. */
  async extension(name: string): Promise<string> {
    const where = `SELECT quote_ident(nspname) FROM pg_extension e
      JOIN pg_namespace n ON n.oid = e.extnamespace WHERE extname = '${name}'`;
    const existing = await this.rows(where);
    if (existing[0]?.[0]) return existing[0][0];
    // Event triggers of the database have no business here.
    const created = await this.attempt(
      `SET LOCAL session_replication_role = replica;
       CREATE SCHEMA IF NOT EXISTS holdfast_check;
       CREATE EXTENSION ${name} SCHEMA holdfast_check;
       SET LOCAL session_replication_role = origin`,
    );
    if (created instanceof HoldfastError) {
      throw new HoldfastError(
        'POSTGRES_CHECK_EXTENSION',
        { name, database: this.database, reason: created.message },
        { cause: created },
      );
    }
    return 'holdfast_check';
  }
}

/** Runs `body` in every database that takes connections. */
export async function inEachDatabase(
  context: CheckContext,
  body: (session: DatabaseSession) => Promise<void>,
): Promise<void> {
  for (const database of await connectableDatabases(context)) {
    context.signal?.throwIfAborted();
    await inDatabase(context, database, body);
  }
}

async function inDatabase(
  context: CheckContext,
  database: string,
  body: (session: DatabaseSession) => Promise<void>,
): Promise<void> {
  await using connection = await context.connect(database);
  const session = new DatabaseSession(connection, database);
  await session.rows(BEGIN);
  await body(session);
  await session.rows('ROLLBACK');
}

const BEGIN = `SET default_transaction_read_only = off;
  BEGIN ISOLATION LEVEL READ COMMITTED;
  SET LOCAL search_path = pg_catalog;
  SET LOCAL statement_timeout = 0;
  SET LOCAL lock_timeout = 0;
  SET LOCAL idle_in_transaction_session_timeout = 0;
  SET LOCAL enable_indexscan = off;
  SET LOCAL enable_indexonlyscan = off;
  SET LOCAL enable_bitmapscan = off`;

async function connectableDatabases(context: CheckContext): Promise<string[]> {
  await using connection = await context.connect('postgres').catch(
    // Somebody dropped it; template1 cannot be dropped.
    () => context.connect('template1'),
  );
  const [set] = await connection.query(
    'SELECT datname FROM pg_database WHERE datallowconn ORDER BY 1',
  );
  return (set?.rows ?? []).map(([name]) => name ?? '');
}
