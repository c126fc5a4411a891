import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { RestoreResult } from '../../src/operations/contract.ts';
import { onlyDocument } from '../cli/run-line.ts';
import { testEachMajor } from '../support/majors.ts';
import { startPostgres } from '../support/postgres.ts';
import { removeTemporary, temporaryDirectory } from '../support/temporary.ts';
import { start } from './process.ts';
import { Workbench } from './workbench.ts';

testEachMajor(
  'the run directory of a restored server goes with it, and none stays after a failed start',
  async (major) => {
    await using postgres = await startPostgres({ major });
    const root = temporaryDirectory();
    using _gone = { [Symbol.dispose]: () => removeTemporary(root) };
    // Short, for the sockets, and nobody else's.
    const temporary = join(root, 't');
    mkdirSync(temporary);
    const left = () => readdirSync(temporary);
    using bench = new Workbench();
    await bench.init(postgres);
    await bench.json('backup');
    bench.environment = { ...bench.environment, TMPDIR: temporary };
    const restore = async (to: string, ...more: string[]) => {
      const argv = ['restore', 'main', '--to', join(root, to), '--start', '--json', ...more];
      return await start(bench, argv).ended;
    };

    const { exit, out } = await restore('one');
    assert.equal(exit, 0, out);
    const { server } = onlyDocument(out) as unknown as RestoreResult;
    assert.ok(server);
    assert.deepEqual(left(), [server.socketDirectory.split('/').at(-1)]);
    process.kill(server.pid, 'SIGINT');
    await until(() => !existsSync(server.socketDirectory));
    assert.deepEqual(left(), []);

    await postgres.sql("alter system set shared_preload_libraries = 'of_another_host'");
    await bench.json('backup');
    const failed = await restore('two');
    assert.match(failed.out, /POSTGRES_SERVER_FAILED.*of_another_host/s);
    assert.deepEqual(left(), []);
  },
  { from: 18, timeout: 90_000 },
);

async function until(happened: () => boolean): Promise<void> {
  const end = Date.now() + 30_000;
  while (!happened()) {
    if (Date.now() > end) throw new Error('it did not happen within 30 s');
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
