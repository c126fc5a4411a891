import { setTimeout as sleep } from 'node:timers/promises';
import { Follower, type FollowerEvent, type FollowerOptions } from '../../src/capture/follower.ts';
import type { PostgresSource } from '../../src/capture/source.ts';
import type { Lsn } from '../../src/engines/postgres/lsn.ts';
import { parseLsn } from '../../src/engines/postgres/lsn.ts';
import type { Repository } from '../../src/repository/repository.ts';
import type { TestPostgres } from '../support/postgres.ts';
import { temporaryDirectory } from '../support/temporary.ts';

export const SLOT = 'holdfast';
export const APPLICATION_NAME = 'holdfast';

/** Polls; fails after `ms` with what did not happen. */
export async function until(
  what: string,
  reached: () => boolean | Promise<boolean>,
  ms = 60_000,
): Promise<void> {
  for (const started = performance.now(); !(await reached()); ) {
    if (performance.now() - started > ms) throw new Error(`not within ${ms} ms: ${what}`);
    await sleep(20);
  }
}

export type Following = Follower & { readonly events: FollowerEvent[] };

/** A follower in this process that uploads often; everything it says is kept. */
export async function follow(
  options: Partial<FollowerOptions> & {
    readonly repository: Repository;
    readonly source: PostgresSource;
  },
): Promise<Following> {
  const events: FollowerEvent[] = [];
  const follower = await Follower.start({
    journal: temporaryDirectory(),
    applicationName: APPLICATION_NAME,
    slot: SLOT,
    holder: 'test follower',
    uploadEveryMs: 200,
    reportEveryMs: 500,
    leaseTtlMs: 5_000,
    ...options,
    onEvent: (event) => {
      events.push(event);
      options.onEvent?.(event);
    },
  });
  return Object.assign(follower, { events });
}

export const ofKind = <Kind extends FollowerEvent['kind']>(
  { events }: Pick<Following, 'events'>,
  kind: Kind,
) => events.filter((event) => event.kind === kind) as Extract<FollowerEvent, { kind: Kind }>[];

export const flushedLsn = async (postgres: TestPostgres): Promise<Lsn> =>
  parseLsn(await postgres.value('select pg_current_wal_flush_lsn()'));

/** Resolves once the repository holds everything the server has flushed by now. */
export async function stored(follower: Follower, postgres: TestPostgres): Promise<void> {
  const end = await flushedLsn(postgres);
  await until(`everything up to ${end} is stored`, () => {
    const { stored: position } = follower.position;
    return position !== undefined && position.lsn >= end;
  });
}

/** From now on commits wait for the follower. */
export async function makeSynchronous(
  postgres: TestPostgres,
  name = APPLICATION_NAME,
): Promise<void> {
  await postgres.sql(`alter system set synchronous_standby_names = '${name}'`);
  await postgres.sql('select pg_reload_conf()');
  const state = `select sync_state from pg_stat_replication where application_name = '${name}'`;
  await until('the follower is synchronous', async () => {
    return (await postgres.sql(state))[0]?.[0] === 'sync';
  });
}
