import assert from 'node:assert/strict';
import test from 'node:test';
import { temporaryRepository } from '../../test/repository/temporary-repository.ts';
import type { VerifyLevel } from './snapshots/verify-report.ts';
import { latestVerification, recordVerification, removeVerifications } from './verifications.ts';

const snapshot = { id: '1'.repeat(32), lineage: '2'.repeat(32) };

/** `V1+ V2-`: a pass and then a failure; answers what stands, spelled the same. */
async function stands(outcomes: string): Promise<string | undefined> {
  await using place = await temporaryRepository();
  const { repository } = place;
  for (const outcome of outcomes.split(' ').filter(Boolean)) {
    const level = outcome.slice(0, 2) as VerifyLevel;
    const ok = outcome.endsWith('+');
    const problems = ok ? 0 : 1;
    await recordVerification({ repository, snapshot, outcome: { level, ok, problems } });
  }
  const found = await latestVerification({ repository, snapshot });
  return found && `${found.level}${found.ok ? '+' : '-'}`;
}

test('the newest verification stands', async () => {
  assert.equal(await stands(''), undefined);
  assert.equal(await stands('V1+'), 'V1+');
  assert.equal(await stands('V1+ V3-'), 'V3-');
  assert.equal(await stands('V3- V3+'), 'V3+');
  assert.equal(await stands('V1- V3+ V2+'), 'V2+');
});

test('a look that is not as close clears no failure', async () => {
  assert.equal(await stands('V3- V1+'), 'V3-');
  assert.equal(await stands('V1- V2+'), 'V1-');
  assert.equal(await stands('V2- V1+'), 'V1+');
});

test('another V2 reads another share of the objects and clears no V2', async () => {
  assert.equal(await stands('V2- V2+'), 'V2-');
});

test('order does not depend on the clock', async () => {
  await using place = await temporaryRepository();
  const { repository } = place;
  const { host } = repository;
  const past = await place.through({
    host: { ...host, clock: { ...host.clock, now: () => 1_000 } },
  });
  const fails = { level: 'V1', ok: false, problems: 1 } as const;
  await recordVerification({ repository, snapshot, outcome: fails });
  const passes = { level: 'V1', ok: true, problems: 0 } as const;
  await recordVerification({ repository: past, snapshot, outcome: passes });
  assert.equal((await latestVerification({ repository, snapshot }))?.ok, true);
});

test('a writer key may record; a damaged record says nothing; removal leaves none', async () => {
  await using place = await temporaryRepository();
  const { repository } = place;
  const writer = await place.through({ role: 'writer' });
  const passes = { level: 'V1', ok: true, problems: 0 } as const;
  await recordVerification({ repository: writer, snapshot, outcome: passes });
  const name = `${'f'.repeat(16)}-${'0'.repeat(16)}.json`;
  const key = `verifications/${snapshot.lineage}/${snapshot.id}/${name}`;
  await repository.store.put(key, Buffer.from('{}'));
  assert.equal((await latestVerification({ repository, snapshot }))?.ok, true);
  await removeVerifications({ repository, snapshot });
  assert.equal(await latestVerification({ repository, snapshot }), undefined);
});
