import assert from 'node:assert/strict';
import { openSession } from '../../src/capture/source.ts';
import { testEachMajor } from '../support/majors.ts';
import { startPostgres } from '../support/postgres.ts';
import { restoreTo, snapshotOf, sourceOf, temporaryRepository } from './scenario.ts';

testEachMajor('a snapshot restores as a running server with its data', async (major) => {
  await using place = await temporaryRepository();
  const { repository } = place;
  await using postgres = await startPostgres({ major });
  await postgres.sql(`create table t as select i, md5(i::text) from generate_series(1, 10000) i`);
  const taken = await snapshotOf(repository, sourceOf(postgres));
  assert.equal(taken.document.method, 'full');
  await using restored = await restoreTo({
    repository,
    target: { kind: 'snapshot', id: taken.snapshot.id },
  });
  assert.ok(restored.server);
  await using session = await openSession(sourceOf(restored.server), { applicationName: 'test' });
  const [set] = await session.query('select count(*) from t');
  assert.equal(set?.rows[0]?.[0], '10000');
});
