import assert from 'node:assert/strict';
import { promises as fs } from 'node:fs';
import { join } from 'node:path';
import { testEachMajor } from '../support/majors.ts';
import { startPostgres } from '../support/postgres.ts';
import { restoreTo, snapshotOf, sourceOf, temporaryRepository } from './scenario.ts';

testEachMajor(
  'a source that keeps its configuration elsewhere restores with one that starts',
  async (major) => {
    await using temporary = await temporaryRepository();
    const { repository } = temporary;
    await using postgres = await startPostgres({ major });
    // As on Debian: the data directory holds none of it, and a base backup sees none.
    for (const name of ['postgresql.conf', 'pg_hba.conf', 'pg_ident.conf']) {
      await fs.rm(join(postgres.dataDir, name));
    }
    await snapshotOf(repository, sourceOf(postgres));
    const { directory } = await restoreTo({
      repository,
      target: { kind: 'latest' },
      start: false,
    });
    const text = await fs.readFile(join(directory, 'postgresql.conf'), 'utf8');
    assert.match(text, /max_connections = '30'/);
    const auto = await fs.readFile(join(directory, 'postgresql.auto.conf'), 'utf8');
    assert.doesNotMatch(auto, /hot_standby/, 'it would refuse connections while it recovers');
    await fs.access(join(directory, 'pg_hba.conf'));
  },
  { from: 18 },
);
