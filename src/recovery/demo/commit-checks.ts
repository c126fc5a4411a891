import { formatInstant, type Instant } from '../../content/instant.ts';
import type { Connection } from '../../engines/postgres/protocol/connection.ts';
import type { AcknowledgedCommit } from './workload.ts';

export interface CommitVerdict {
  readonly name: string;
  readonly level: 'L4';
  readonly ok: boolean;
  readonly detail: string;
}

/** The ids of the workload's transactions that a restored server holds. */
export async function restoredCommits(connection: Connection): Promise<Set<number>> {
  const [set] = await connection.query('select id from transfers');
  return new Set(set?.rows.map(([id]) => Number(id)));
}

/** Every commit that was acknowledged by `until` (or at all) is there. */
export function everyCommitPresent(options: {
  readonly acknowledged: readonly AcknowledgedCommit[];
  readonly restored: ReadonlySet<number>;
  readonly until?: Instant;
}): CommitVerdict {
  const { acknowledged, restored, until } = options;
  const promised = acknowledged.filter((commit) => !until || commit.acknowledged <= until);
  const lost = promised.filter(({ id }) => !restored.has(id));
  return {
    name: 'every acknowledged commit present',
    level: 'L4',
    ok: promised.length > 0 && lost.length === 0,
    detail: `${promised.length} promised, ${lost.length} lost`,
  };
}

/** No transaction that began after the target is there. */
export function noCommitAfter(options: {
  readonly acknowledged: readonly AcknowledgedCommit[];
  readonly restored: ReadonlySet<number>;
  readonly target: Instant;
}): CommitVerdict {
  const { acknowledged, restored, target } = options;
  const later = acknowledged.filter(({ sent }) => sent > target);
  const leaked = later.filter(({ id }) => restored.has(id));
  return {
    name: 'no commit after the target',
    level: 'L4',
    ok: later.length > 0 && leaked.length === 0,
    detail: `${later.length} were made after ${formatInstant(target)}, ${leaked.length} are there`,
  };
}

/** Double entry: the balances are what the transfers that are there make of them. */
export async function balancesAgree(connection: Connection): Promise<CommitVerdict> {
  const [set] = await connection.query(
    `select count(*) from accounts a
     where balance <> 1000 + (select coalesce(sum(amount), 0) from transfers where account = a.id)`,
  );
  const wrong = Number(set?.rows[0]?.[0]);
  return {
    name: 'balances agree with transfers',
    level: 'L4',
    ok: wrong === 0,
    detail: `${wrong} accounts differ`,
  };
}

/** Whether a table exists as it should at this point in time. */
export async function tableCheck(
  connection: Connection,
  expected: { readonly table: string; readonly exists: boolean },
): Promise<CommitVerdict> {
  const { table, exists } = expected;
  const [set] = await connection.query(`select to_regclass('${table}') is not null`);
  const found = set?.rows[0]?.[0] === 't';
  return {
    name: exists ? `dropped table ${table} is back` : `table ${table} is dropped, as it was`,
    level: 'L4',
    ok: found === exists,
    detail: found ? 'it exists' : 'it does not exist',
  };
}
