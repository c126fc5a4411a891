import assert from 'node:assert/strict';
import { testEachMajor } from '../support/majors.ts';
import { startPostgres } from '../support/postgres.ts';
import { problemsOf } from './checks.ts';
import { column, digestOf, inDatabase } from './digest.ts';
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
    const { snapshot } = await snapshotOf(repository, sourceOf(standby));
    {
      // Its log ends with the checkpoint, and no record follows at which to stop.
      const target = { kind: 'snapshot', id: snapshot.id } as const;
      await using restored = await restoreTo({ repository, target });
      assert.equal(restored.reached?.stoppedAt, 'target');
      assert.deepEqual(await digestOf(restored.server!), await digestOf(primary));
    }
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

// Research §4.3 #4: a file longer on the primary than on the standby stored a wrong size.
testEachMajor(
  'a standby under load is a source like another',
  async (major) => {
    await using temporary = await temporaryRepository();
    const { repository } = temporary;
    const settings = summarizing(major);
    await using primary = await startPostgres({ major, settings });
    await primary.sql('create table t as select g as id from generate_series(1, 20000) g');
    await primary.sql('create index on t (id)');
    await using standby = await primary.makeStandby();
    await primary.waitForReplay(standby);
    let stop = false;
    const load = (async () => {
      for (let round = 1; !stop; round++) {
        await primary.sql('insert into t select generate_series(1, 3000)');
        await primary.sql(`delete from t where id > 15000`);
        await primary.sql('vacuum t');
        await primary.sql(`create table if not exists extra${round % 3} (id int); checkpoint`);
      }
    })();
    const taken = [];
    try {
      for (let nth = 0; nth < 2; nth++) taken.push(await snapshotOf(repository, sourceOf(standby)));
    } finally {
      stop = true;
      await load;
    }
    assert.deepEqual(
      taken.map(({ document }) => document.capturedFrom),
      ['standby', 'standby'],
    );
    for (const { snapshot } of taken) {
      const target = { kind: 'snapshot', id: snapshot.id } as const;
      await using restored = await restoreTo({ repository, target });
      assert.deepEqual(await problemsOf(restored), []);
      await inDatabase(restored.server!, 'postgres', async (session) => {
        const rows = 'select count(*) from t where id between 1 and 14999';
        const bySequence = await column(
          session,
          `set enable_indexscan = off; set enable_bitmapscan = off; set enable_indexonlyscan = off; ${rows}`,
        );
        const byIndex = await column(session, `reset all; set enable_seqscan = off; ${rows}`);
        assert.deepEqual(byIndex, bySequence);
      });
    }
  },
  { quick: [14, 17, 18] },
);
