import assert from 'node:assert/strict';
import { testEachMajor } from '../support/majors.ts';
import { startPostgres } from '../support/postgres.ts';
import { digestOf } from './digest.ts';
import { restoreTo, snapshotOf, sourceOf, summarizing, temporaryRepository } from './scenario.ts';

const latest = { kind: 'latest' } as const;

// Research §4.3 #37: 17 and 18 refuse an incremental while the standby has no newer restartpoint.
testEachMajor(
  'an idle standby gives one snapshot after another',
  async (major) => {
    await using temporary = await temporaryRepository();
    const { repository } = temporary;
    const settings = summarizing(major);
    await using primary = await startPostgres({ major, settings });
    await primary.sql('create table t as select g as id from generate_series(1, 5000) g');
    await using standby = await primary.makeStandby();
    await primary.sql('checkpoint');
    await primary.waitForReplay(standby);
    await snapshotOf(repository, sourceOf(standby));
    const idle = await snapshotOf(repository, sourceOf(standby));
    assert.notEqual(idle.document.method, 'full');
    await primary.sql('insert into t values (0)');
    await primary.waitForReplay(standby);
    const written = await snapshotOf(repository, sourceOf(standby));
    assert.notEqual(written.document.method, 'full');
    await using restored = await restoreTo({ repository, target: latest });
    assert.deepEqual(await digestOf(restored.server!), await digestOf(primary));
  },
  { quick: [14, 18] },
);
