import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { testEachMajor } from '../support/majors.ts';
import { startPostgres } from '../support/postgres.ts';
import { start } from './process.ts';
import { Workbench } from './workbench.ts';

const HANGING = new URL('../doubles/hanging-reads.ts', import.meta.url).pathname;

testEachMajor(
  'Ctrl-C ends a verification, even one whose store hangs, with 130 and no verdict',
  async (major) => {
    await using postgres = await startPostgres({ major });
    using bench = new Workbench();
    await bench.init(postgres);
    await bench.json('backup');
    bench.environment = { ...bench.environment, NODE_OPTIONS: `--import=${HANGING}` };
    for (const [level, signal, code] of [
      ['V1', 'SIGINT', 130],
      ['V3', 'SIGTERM', 143],
    ] as const) {
      const { child, ended } = start(bench, ['verify', '--level', level]);
      try {
        await new Promise<void>((resolve) => {
          child.stderr?.on('data', (text) => String(text).includes('hangs') && resolve());
        });
        child.kill(signal);
        const { exit, out, err } = await ended;
        assert.equal(exit, code, err);
        assert.match(err, /error \[INTERRUPTED\]/);
        assert.equal(out, '');
      } finally {
        child.kill('SIGKILL');
      }
    }
    assert.deepEqual(verdicts(bench), []);
  },
  { from: 18 },
);

// It said that a second Ctrl-C stops at once, and waited for the thread that hung.
test('a second Ctrl-C ends even what hangs in the kernel', { timeout: 60_000 }, async () => {
  using bench = new Workbench();
  assert.equal((await bench.run('init')).code, 0);
  const key = join(bench.directory, 'holdfast.key');
  rmSync(key);
  // Nobody ever writes to it: open(2) does not return.
  execFileSync('mkfifo', [key]);
  const { child, ended } = start(bench, ['list']);
  try {
    const heard = once(child.stderr!, 'data');
    const again = setInterval(() => child.kill('SIGINT'), 1_000);
    await heard;
    const { exit } = await ended;
    clearInterval(again);
    assert.deepEqual([exit, child.signalCode], [null, 'SIGINT']);
  } finally {
    child.kill('SIGKILL');
  }
});

function verdicts({ repository }: Workbench): string[] {
  assert.ok(existsSync(join(repository, 'packs')));
  const files = readdirSync(repository, { recursive: true, encoding: 'utf8' });
  return files.filter((name) => name.includes('verifications/'));
}
