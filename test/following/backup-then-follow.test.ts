import assert from 'node:assert/strict';
import type { BackupResult } from '../../src/operations/contract.ts';
import { Workbench } from '../operations/workbench.ts';
import { testEachMajor } from '../support/majors.ts';
import { startPostgres } from '../support/postgres.ts';

const SLOTS = 'select slot_name, temporary from pg_replication_slots';

testEachMajor(
  'a backup without follow leaves no slot behind, and says so when none is to be had',
  async (major) => {
    await using postgres = await startPostgres({ major, settings: { max_replication_slots: '1' } });
    using bench = new Workbench();
    await bench.init(postgres);
    const whole = bench.config();
    bench.editConfig((text) => text.replace(/\n +follow:\n(?: {6,}.*\n)*/, '\n'));
    assert.doesNotMatch(bench.config(), /follow:/);
    const alone = await bench.json<BackupResult>('backup');
    assert.ok(alone.warnings.every(({ message }) => !/slot/.test(message)));
    assert.deepEqual(await postgres.sql(SLOTS), []);

    bench.editConfig(() => whole);
    await postgres.sql("select pg_create_physical_replication_slot('somebody')");
    const refused = await bench.refusal('backup');
    assert.match(refused.message, /all replication slots are in use/i);
  },
  { from: 18 },
);
