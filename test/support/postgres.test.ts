import assert from 'node:assert/strict';
import fs from 'node:fs';
import { testEachMajor } from './majors.ts';
import { startPostgres } from './postgres.ts';

testEachMajor('a test server starts, answers, restarts and is gone afterwards', async (major) => {
  const postgres = await startPostgres({ major, settings: { work_mem: '5MB' } });
  const { root } = postgres.node;
  {
    await using server = postgres;
    assert.match(await server.value('SHOW server_version'), new RegExp(`^${major}\\.`));
    assert.equal(await server.value('SHOW work_mem'), '5MB');
    await server.sql('CREATE TABLE kept AS SELECT 7 AS value');
    await server.kill9();
    await server.start();
    assert.equal(await server.value('SELECT value FROM kept'), '7');
  }
  assert.equal(fs.existsSync(root), false);
});

testEachMajor('a standby follows, with its own tablespaces, and is promoted', async (major) => {
  await using primary = await startPostgres({ major });
  await primary.addTablespace('elsewhere');
  await primary.sql('CREATE TABLE moved TABLESPACE elsewhere AS SELECT 1 AS value');
  await using standby = await primary.makeStandby();
  await primary.sql('UPDATE moved SET value = 2');
  await primary.waitForReplay(standby);
  assert.equal(await standby.value('SELECT value FROM moved'), '2');
  await standby.promote();
  assert.equal(await standby.value('SELECT pg_is_in_recovery()'), 'f');
});

testEachMajor('test servers are clusters of their own, copied or not', async (major) => {
  await using first = await startPostgres({ major });
  await using second = await startPostgres({ major });
  const identity = 'SELECT system_identifier FROM pg_control_system()';
  assert.notEqual(await first.value(identity), await second.value(identity));
  await second.sql('CREATE TABLE kept AS SELECT 7 AS value; SELECT pg_switch_wal()');
  await second.kill9();
  await second.start();
  assert.equal(await second.value('SELECT value FROM kept'), '7');
});
