import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { testEachMajor } from '../support/majors.ts';
import { startPostgres } from '../support/postgres.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { digestOf } from './digest.ts';
import { restoreTo, snapshotOf, sourceOf, temporaryRepository } from './scenario.ts';

testEachMajor(
  'a restore takes any directory name, and leaves nothing of its spool there',
  async (major) => {
    await using temporary = await temporaryRepository();
    const { repository } = temporary;
    await using postgres = await startPostgres({ major });
    await postgres.sql('create table t as select g as id from generate_series(1, 1000) g');
    await snapshotOf(repository, sourceOf(postgres));
    const directory = join(temporaryDirectory(), `it's 100 %p "restored" $HOME`);
    await using restored = await restoreTo({ repository, target: { kind: 'latest' }, directory });
    assert.deepEqual(await digestOf(restored.server!), await digestOf(postgres));
    assert.ok(existsSync(join(directory, 'PG_VERSION')));
    assert.ok(!existsSync(join(directory, 'holdfast-spool')));
  },
  { quick: [14, 18] },
);
