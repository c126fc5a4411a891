import assert from 'node:assert/strict';
import { once } from 'node:events';
import { parseInstant } from '../../src/content/instant.ts';
import type { WindowResult } from '../../src/operations/contract.ts';
import { start } from '../operations/process.ts';
import { Workbench } from '../operations/workbench.ts';
import { testEachMajor } from '../support/majors.ts';
import { startPostgres } from '../support/postgres.ts';
import { until } from './followed.ts';

// It had an error of stderr for every line it wrote, never got to anything else again, and grew by
// 15 MB a second; SIGTERM did not end it.
testEachMajor(
  'a follower whose output nobody reads any more goes on, and still ends when told to',
  async (major) => {
    await using postgres = await startPostgres({ major });
    using bench = new Workbench();
    await bench.init(postgres);
    bench.editConfig((text) => text.replace('5s', '100ms'));
    await bench.json('backup');
    const { child, ended } = start(bench, ['follow']);
    ended.catch(() => undefined);
    const exited = once(child, 'exit');
    try {
      await once(child.stderr!, 'data');
      child.stdout?.destroy();
      child.stderr?.destroy();
      // A line to write now: that the server is lost.
      await postgres.stop('immediate');
      await postgres.start();
      const time = Date.now() * 1000;
      await until('what happened since then can be restored', async () => {
        await postgres.sql('select txid_current()');
        const { lineages } = await bench.json<WindowResult>('window');
        const range = lineages[0]?.timelines[0]?.ranges.at(-1);
        return range !== undefined && parseInstant(range.to.time) > time;
      });
      child.kill('SIGTERM');
      assert.deepEqual(await exited, [0, null]);
    } finally {
      child.kill('SIGKILL');
    }
  },
  { from: 18, timeout: 60_000 },
);
