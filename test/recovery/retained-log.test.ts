import assert from 'node:assert/strict';
import type { PostgresSource } from '../../src/capture/source.ts';
import { testEachMajor } from '../support/majors.ts';
import { startPostgres } from '../support/postgres.ts';
import { restoreTo, snapshotOf, sourceOf, temporaryRepository } from './scenario.ts';

testEachMajor(
  'the log of a backup is kept on the server until it is stored (§4.3 #27)',
  async (major) => {
    await using temporary = await temporaryRepository();
    const { repository } = temporary;
    const settings = { min_wal_size: '32MB', max_wal_size: '32MB', wal_keep_size: '0' };
    await using postgres = await startPostgres({ major, settings });
    await postgres.sql('create table t (i int)');
    const source = sourceOf(postgres);
    let segments = '';
    // The physical session streams the log, when the base backup has ended.
    const slow: PostgresSource = {
      name: source.name,
      reach: async (purpose) => {
        if (purpose.physical) {
          for (let round = 0; round < 6; round++) {
            await postgres.sql('insert into t select generate_series(1, 100)');
            await postgres.sql('select pg_switch_wal()');
            await postgres.sql('checkpoint');
          }
          segments = await postgres.value('select count(*) from pg_ls_waldir()');
        }
        return await source.reach(purpose);
      },
    };
    const { snapshot } = await snapshotOf(repository, slow);
    assert.ok(Number(segments) >= 6, `${segments} segments were kept`);
    const target = { kind: 'snapshot', id: snapshot.id } as const;
    const { server, reached } = await restoreTo({ repository, target });
    assert.equal(reached?.stoppedAt, 'target');
    await server?.stop();
    const slots = 'select count(*) from pg_replication_slots';
    assert.equal(await postgres.value(slots), '0', 'the slot went with its session');
  },
  { from: 18 },
);
