import { formatInstant, type Instant } from '../../../content/instant.ts';
import type { Check } from './check.ts';

/** L2: the server runs, and recovery ended where it was asked to. */
export function recoveryCheck(options: {
  /** What `Server.recovered` and its events said. */
  readonly reached: boolean;
  readonly detail: string;
}): Check {
  return {
    name: 'recovery',
    level: 'L2',
    run: async (context) => {
      await using connection = await context.connect('template1');
      const [set] = await connection.query('SELECT count(*) FROM pg_class');
      const relations = Number(set?.rows[0]?.[0] ?? 0);
      return { ok: options.reached && relations > 0, detail: options.detail, counted: 1 };
    },
  };
}

/** L4: the newest commit recovered is not older than the one that must be there. */
export function recencyCheck(options: {
  readonly newest: Instant | undefined;
  readonly expected: Instant;
}): Check {
  const { newest, expected } = options;
  return {
    name: 'recency',
    level: 'L4',
    run: async () => {
      const found = newest === undefined ? 'unknown' : formatInstant(newest);
      return {
        ok: newest !== undefined && newest >= expected,
        detail: `the newest commit is of ${found}, expected ${formatInstant(expected)} or later`,
        counted: 1,
      };
    },
  };
}
