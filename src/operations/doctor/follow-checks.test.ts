import assert from 'node:assert/strict';
import { test } from 'node:test';
import { temporaryRepository } from '../../../test/doubles/temporary-repository.ts';
import { encodeFollowerPosition } from '../../capture/follower-position.ts';
import type { SourceConfig } from '../../config/config.ts';
import { instantOfMillis } from '../../content/instant.ts';
import { lsn } from '../../engines/postgres/lsn.ts';
import { Lease } from '../../repository/leases/lease.ts';
import { ensureLineage } from '../../repository/lineages.ts';
import { followFacts } from './follow-checks.ts';

const config = { name: 'main', follow: {} } as SourceConfig;
const MINUTE_MS = 60_000;

// Research §4.3 #26: what recorded the log was alive and recorded nothing, and nobody was told.
test('a follower that lives and stores nothing is a warning, whatever else is sound', async () => {
  await using temporary = await temporaryRepository();
  const { repository } = temporary;
  const lineage = await ensureLineage({
    repository,
    source: 'main',
    engine: 'postgres',
    identity: '7',
  });
  const finding = async (storedAgo?: number) => {
    const lastStored = storedAgo === undefined ? undefined : Date.now() - storedAgo;
    return (await followFacts({ repository, lineage, config, lastStored })).finding;
  };
  assert.equal((await finding(MINUTE_MS / 60)).status, 'warning', 'nobody follows');

  const place = { repository, lineage: lineage.id, role: 'log', holder: 'db1' } as const;
  await using lease = await Lease.acquire(place);
  for (const storedAgo of [undefined, 10 * MINUTE_MS]) {
    const never = await finding(storedAgo);
    assert.equal(never.status, 'warning');
    assert.match(never.message, /db1 follows, and has stored nothing since it began/);
  }
  assert.equal((await finding(1000)).status, 'ok', 'pieces arrive: its report will follow');

  const at = (ago: number) =>
    encodeFollowerPosition({ timeline: 1, lsn: lsn(1n), time: instantOfMillis(Date.now() - ago) });
  await lease.renew(at(5 * MINUTE_MS));
  const late = await finding(5 * MINUTE_MS);
  assert.equal(late.status, 'warning');
  assert.match(late.message, /5 min behind the server/);
  await lease.renew(at(1000));
  // An idle server gives nothing to store; the follower says that there is nothing.
  assert.equal((await finding(60 * MINUTE_MS)).status, 'ok');
});
