import assert from 'node:assert/strict';
import type { PostgresSource } from '../../src/capture/source.ts';
import { faultyStore } from '../doubles/faulty-store.ts';
import { testEachMajor } from '../support/majors.ts';
import { startPostgres, type TestPostgres } from '../support/postgres.ts';
import { restoreTo, snapshotOf, sourceOf, temporaryRepository } from './scenario.ts';

const SLOTS = 'select count(*) from pg_replication_slots';
const small = { min_wal_size: '32MB', max_wal_size: '32MB', wal_keep_size: '0' };

testEachMajor(
  'the log of a backup is kept on the server until it is stored (§4.3 #27)',
  async (major) => {
    await using temporary = await temporaryRepository();
    const { repository } = temporary;
    await using postgres = await startPostgres({ major, settings: small });
    await postgres.sql('create table t (i int)');
    const source = sourceOf(postgres);
    let segments = '';
    // The physical session streams the log, when the base backup has ended.
    const slow: PostgresSource = {
      name: source.name,
      reach: async (purpose) => {
        if (purpose.physical) {
          await writeLog(postgres);
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
    assert.equal(await postgres.value(SLOTS), '0', 'the slot went with its session');
  },
  { quick: [18] },
);

async function writeLog(postgres: TestPostgres): Promise<void> {
  for (let round = 0; round < 6; round++) {
    await postgres.sql('insert into t select generate_series(1, 100)');
    await postgres.sql('select pg_switch_wal()');
    await postgres.sql('checkpoint');
  }
}

testEachMajor(
  'a server that may not keep the log of a backup: the error names the setting',
  async (major) => {
    let during: (() => Promise<void>) | undefined;
    await using temporary = await temporaryRepository({
      through: (store) =>
        faultyStore(store, async ({ operation, key }) => {
          if (operation !== 'get' || !key.startsWith('maps/')) return undefined;
          const once = during;
          during = undefined;
          await once?.();
          return undefined;
        }),
    });
    const { repository } = temporary;
    await using postgres = await startPostgres({ major, settings: small });
    await postgres.sql('create table t (i int)');
    const source = sourceOf(postgres);
    await snapshotOf(repository, source);
    await postgres.sql("alter system set max_slot_wal_keep_size = '1MB'");
    await postgres.sql('select pg_reload_conf()');
    const notKept = {
      code: 'CAPTURE_LOG_NOT_KEPT',
      kind: 'usage',
      message: /\d+ MB were written since it began, and max_slot_wal_keep_size is 1 MB/,
      hint: /ALTER SYSTEM SET max_slot_wal_keep_size/,
    };

    // The session that holds the slot is ended while the backup still needs it.
    during = async () => {
      await writeLog(postgres);
      while ((await postgres.value(SLOTS)) !== '0') await postgres.sql('checkpoint');
    };
    await assert.rejects(snapshotOf(repository, source), notKept);
    assert.equal(during, undefined, 'it happened');

    // The log is gone when it is to be streamed.
    const late: PostgresSource = {
      name: source.name,
      reach: async (purpose) => {
        if (purpose.physical) await writeLog(postgres);
        return await source.reach(purpose);
      },
    };
    await assert.rejects(snapshotOf(repository, late), notKept);
    await postgres.sql("alter system set max_slot_wal_keep_size = '-1'");
    await postgres.sql('select pg_reload_conf()');
    await snapshotOf(repository, source);
  },
  { quick: [18] },
);
