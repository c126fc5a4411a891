import type { Settings } from '../../src/engines/postgres/server/isolation.ts';
import { startPostgres, type TestPostgres } from '../support/postgres.ts';

/** A third of what initdb makes: a backup of it takes a fraction of a second. */
export async function smallCluster(
  options: { readonly major?: number; readonly settings?: Settings } = {},
): Promise<TestPostgres> {
  const { major = 18, settings = {} } = options;
  const postgres = await startPostgres({ major, initdb: ['--wal-segsize=1'], settings });
  await postgres.sql('update pg_database set datistemplate = false');
  for (const database of ['template0', 'template1'])
    await postgres.sql(`drop database ${database}`);
  await postgres.sql(`create table commits (id bigint primary key, filling text)`);
  return postgres;
}

/** Something a backup has to store. */
export async function change(postgres: TestPostgres): Promise<void> {
  await postgres.sql(
    `insert into commits
       select coalesce(max(id), 0) + g, md5(g::text) from commits, generate_series(1, 200) g
       group by g`,
  );
}
