import assert from 'node:assert/strict';
import { promises as fs, globSync } from 'node:fs';
import { join } from 'node:path';
import { testEachMajor } from '../support/majors.ts';
import { startPostgres } from '../support/postgres.ts';
import { restoreTo, snapshotOf, sourceOf, temporaryRepository } from './scenario.ts';

testEachMajor(
  'a damaged parent does not end the backups: the next one is full, and restores',
  async (major) => {
    await using temporary = await temporaryRepository();
    const { repository, place } = temporary;
    await using postgres = await startPostgres({ major, settings: { summarize_wal: 'on' } });
    const source = sourceOf(postgres);
    await postgres.sql('create table t as select g from generate_series(1, 1000) g');
    await snapshotOf(repository, source);

    const [map = ''] = globSync('maps/*/*', { cwd: place.root });
    const path = join(place.root, map);
    const bytes = await fs.readFile(path);
    bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] ?? 0) ^ 1;
    await fs.chmod(path, 0o600);
    await fs.writeFile(path, bytes);
    const afterDamage = await snapshotOf(repository, source);
    assert.equal(afterDamage.document.method, 'full');

    for (const pack of globSync('packs/*/*', { cwd: place.root })) {
      if (!afterDamage.snapshot.packs.some(({ id }) => pack.endsWith(id))) continue;
      await fs.rm(join(place.root, pack));
    }
    const afterLoss = await snapshotOf(repository, source);
    assert.equal(afterLoss.document.method, 'full');
    const { id } = afterLoss.snapshot;
    const { directory } = await restoreTo({
      repository,
      target: { kind: 'snapshot', id },
      start: false,
    });
    await fs.access(join(directory, 'global/pg_control'));
  },
  { from: 18 },
);
