import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { testEachMajor } from '../support/majors.ts';
import { startPostgres } from '../support/postgres.ts';
import { removeTemporary, temporaryDirectory } from '../support/temporary.ts';
import { start } from './process.ts';
import { Workbench } from './workbench.ts';

testEachMajor(
  'of two followers with one journal the second is refused, until the first is killed',
  async (major) => {
    await using postgres = await startPostgres({ major });
    const root = temporaryDirectory();
    using _gone = { [Symbol.dispose]: () => removeTemporary(root) };
    const journal = join(root, 'journal');
    using first = new Workbench();
    using second = new Workbench();
    for (const bench of [first, second]) {
      await bench.init(postgres);
      bench.editConfig((yaml) => yaml.replace(/journal: \/.*/, `journal: ${journal}`));
    }
    const following = start(first, ['follow']);
    try {
      while (!existsSync(join(journal, 'journal.json'))) {
        assert.equal(following.child.exitCode, null);
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
      const refused = await second.refusal('follow');
      assert.deepEqual([refused.code, refused.exit], ['WAL_JOURNAL_IN_USE', 6]);
      assert.match(refused.message, new RegExp(`process ${following.child.pid} on `));
      assert.equal(following.child.exitCode, null, 'the first goes on');
    } finally {
      following.child.kill('SIGKILL');
      await following.ended;
    }
    const taking = start(second, ['follow']);
    const spoken = new Promise<string>((resolve) => {
      let said = '';
      taking.child.stderr?.on('data', (text) => {
        said += text;
        if (/Streaming|error/.test(said)) resolve(said);
      });
    });
    try {
      assert.doesNotMatch(await spoken, /error/);
      taking.child.kill('SIGINT');
      assert.equal((await taking.ended).exit, 0);
    } finally {
      taking.child.kill('SIGKILL');
    }
  },
  { from: 18, timeout: 60_000 },
);
