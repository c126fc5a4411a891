import type { Check } from './check.ts';

/** L4: a query of the user's whose first value must be the expected one. */
export function assertionCheck(options: {
  readonly name: string;
  readonly database: string;
  readonly sql: string;
  /** As PostgreSQL writes the value: `t`, `42`; null for NULL or no row. */
  readonly expected: string | null;
}): Check {
  const { name, database, sql, expected } = options;
  return {
    name,
    level: 'L4',
    run: async (context) => {
      await using connection = await context.connect(database);
      await connection.query('SET default_transaction_read_only = on');
      const [set] = await connection.query(sql);
      const found = set?.rows[0]?.[0] ?? null;
      const ok = found === expected;
      return { ok, detail: ok ? `${found}` : `${found}, expected ${expected}`, counted: 1 };
    },
  };
}
