import assert from 'node:assert/strict';
import fs from 'node:fs';
import { join } from 'node:path';
import { testEachMajor } from '../../../test/support/majors.ts';
import { startPostgres } from '../../../test/support/postgres.ts';
import { machine } from '../../host/host.ts';
import { parseControlFile, readControlFile } from './control-file.ts';
import { formatLsn } from './lsn.ts';

testEachMajor('pg_control reads as the server itself reports it', async (major) => {
  await using postgres = await startPostgres({
    major,
    initdb: ['--wal-segsize=4', ...(major === 18 ? ['--no-data-checksums'] : ['--data-checksums'])],
    settings: { max_prepared_transactions: '7', wal_level: 'logical' },
  });
  await postgres.sql('CHECKPOINT');
  const control = await readControlFile({ host: machine, dataDir: postgres.dataDir });
  const [checkpoint] = await postgres.sql(
    'SELECT checkpoint_lsn, redo_lsn, timeline_id, next_xid FROM pg_control_checkpoint()',
  );
  assert.deepEqual(
    [
      formatLsn(control.checkpoint),
      formatLsn(control.redo),
      String(control.timeline),
      `0:${control.nextXid}`,
    ],
    checkpoint,
  );
  const system = 'SELECT system_identifier, catalog_version_no FROM pg_control_system()';
  assert.deepEqual(
    [String(control.systemIdentifier), String(control.catalogVersion)],
    (await postgres.sql(system))[0],
  );
  for (const [name, value] of Object.entries(control.settings)) {
    assert.equal(String(value), await postgres.value(`SHOW ${name}`), name);
  }
  assert.equal(control.settings.max_prepared_transactions, 7);
  assert.equal(control.walSegmentSize, 4 << 20);
  assert.equal(control.dataChecksums, major !== 18);
  assert.equal(control.walLevel, 'logical');
  assert.equal(control.state, 'in-production');
  assert.equal(control.blockSize, 8192);
  assert.equal(control.segmentBlocks, 131072);
  await postgres.stop();
  const path = join(postgres.dataDir, 'global', 'pg_control');
  const bytes = fs.readFileSync(path);
  assert.equal(parseControlFile(bytes).state, 'shut-down');
  for (const offset of [0, 41, 200, 291]) {
    const damaged = Buffer.from(bytes);
    damaged[offset] = (damaged[offset] ?? 0) ^ 1;
    assert.throws(() => parseControlFile(damaged), { code: 'POSTGRES_CONTROL_FILE_INVALID' });
  }

  // §4.3 #10: a torn read is repeated before it counts as damage.
  let reads = 0;
  const tornOnce = async () => {
    reads++;
    return reads === 1 ? Buffer.concat([bytes.subarray(0, 40), Buffer.alloc(8152)]) : bytes;
  };
  const promises = { ...fs.promises, readFile: tornOnce } as unknown as typeof fs.promises;
  const host = { ...machine, fs: { ...machine.fs, promises } };
  assert.equal((await readControlFile({ host, dataDir: postgres.dataDir })).state, 'shut-down');
  assert.equal(reads, 2);
});
