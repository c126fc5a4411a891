import { formatInstant, type Instant } from '../../content/instant.ts';
import type { Check, CheckContext, Finding } from '../../engines/postgres/check/check.ts';
import { DEMO_DATABASE } from './schema.ts';
import type { AcknowledgedCommit } from './workload.ts';

/** Every commit that was acknowledged (by `until`, when given) is there. */
export function everyCommitPresent(options: {
  readonly acknowledged: readonly AcknowledgedCommit[];
  readonly until?: Instant;
  /** Hears how many of the promised commits are missing. */
  readonly onLost?: (lost: number) => void;
}): Check {
  const { acknowledged, until, onLost } = options;
  return demoCheck('acknowledged-commits-present', async (context) => {
    const restored = await restoredCommits(context);
    const promised = acknowledged.filter((commit) => !until || commit.acknowledged <= until);
    const lost = promised.filter(({ id }) => !restored.has(id));
    onLost?.(lost.length);
    return {
      ok: promised.length > 0 && lost.length === 0,
      detail: `${promised.length} promised, ${lost.length} lost`,
      counted: promised.length,
    };
  });
}

/** No transaction that began after the target is there. */
export function noCommitAfter(options: {
  readonly acknowledged: readonly AcknowledgedCommit[];
  readonly target: Instant;
}): Check {
  const { acknowledged, target } = options;
  return demoCheck('no-commit-after-target', async (context) => {
    const restored = await restoredCommits(context);
    const later = acknowledged.filter(({ sent }) => sent > target);
    const leaked = later.filter(({ id }) => restored.has(id));
    return {
      ok: later.length > 0 && leaked.length === 0,
      detail: `${later.length} made after ${formatInstant(target)}, ${leaked.length} found`,
      counted: later.length,
    };
  });
}

/** Double entry: the balances are what the transfers that are there make of them. */
export const balancesAgree: Check = demoCheck('balances-agree', async (context) => {
  await using session = await context.connect(DEMO_DATABASE);
  const [set] = await session.query(
    `select count(*), count(*) filter (where balance <> 1000 + coalesce(moved, 0))
     from accounts left join (select account, sum(amount) as moved from transfers group by 1) t
       on t.account = accounts.id`,
  );
  const [accounts, wrong] = (set?.rows[0] ?? []).map(Number);
  return {
    ok: wrong === 0,
    detail: `${accounts} accounts, ${wrong} differ from their transfers`,
    counted: accounts ?? 0,
  };
});

/** Whether a table exists as it should at this point in time. */
export function tableCheck(expected: { readonly table: string; readonly exists: boolean }): Check {
  const { table, exists } = expected;
  return demoCheck(
    exists ? 'dropped-table-is-back' : 'dropped-table-stays-dropped',
    async (context) => {
      await using session = await context.connect(DEMO_DATABASE);
      const [set] = await session.query(`select to_regclass('${table}') is not null`);
      const found = set?.rows[0]?.[0] === 't';
      const detail = found ? `${table} exists` : `${table} does not exist`;
      return { ok: found === exists, detail, counted: 1 };
    },
  );
}

function demoCheck(name: string, run: (context: CheckContext) => Promise<Finding>): Check {
  return { name, level: 'L4', run };
}

/** The ids of the workload's transactions that a restored server holds. */
async function restoredCommits(context: CheckContext): Promise<Set<number>> {
  await using session = await context.connect(DEMO_DATABASE);
  const [set] = await session.query('select id from transfers');
  return new Set(set?.rows.map(([id]) => Number(id)));
}
