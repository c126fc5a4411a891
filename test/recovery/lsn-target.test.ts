import assert from 'node:assert/strict';
import { lsn, parseLsn } from '../../src/engines/postgres/lsn.ts';
import { testEachMajor } from '../support/majors.ts';
import { startPostgres } from '../support/postgres.ts';
import { digestOf } from './digest.ts';
import { restoreTo, snapshotOf, sourceOf, temporaryRepository } from './scenario.ts';

testEachMajor(
  'a position behind the last record restores everything, and says so',
  async (major) => {
    await using temporary = await temporaryRepository();
    const { repository } = temporary;
    await using postgres = await startPostgres({ major });
    await postgres.sql('create table t as select g as id from generate_series(1, 1000) g');
    const { document } = await snapshotOf(repository, sourceOf(postgres));
    const digest = await digestOf(postgres);
    const stop = parseLsn(document.stopLsn);
    // At its stop a backup switches segments: one record more, and then nothing to the end.
    for (const [beyond, stoppedAt] of [
      [0n, 'target'],
      [1n, 'covered-end'],
      [0x10000n, 'covered-end'],
    ] as const) {
      const target = { kind: 'lsn', lsn: lsn(stop + beyond) } as const;
      await using restored = await restoreTo({ repository, target });
      assert.equal(restored.reached?.stoppedAt, stoppedAt);
      assert.equal(restored.resolution.notes.length, beyond === 0n ? 0 : 1);
      assert.deepEqual(await digestOf(restored.server!), digest);
    }
  },
  { quick: [14, 18] },
);
