import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { temporaryDirectory } from '../../../test/support/temporary.ts';
import { machine } from '../../host/host.ts';
import { RESTORE_COMMAND_SCRIPT } from './restore-command.ts';
import { WalSpool } from './wal-spool.ts';

const timeout = 60_000;

/** As the server runs restore_command; answers the exit code. */
function ask(directory: string, name: string, path = process.env.PATH): Promise<number> {
  const argv = [join(directory, 'fetch.sh'), name, join(directory, 'taken')];
  return new Promise((resolve) => {
    execFile('/bin/sh', argv, { timeout: 10_000, env: { PATH: path } }, (error) =>
      resolve(error === null ? 0 : Number(error.code ?? -1)),
    );
  });
}

test('what recovery asks for again long after is served again', { timeout }, async () => {
  const directory = temporaryDirectory();
  const names = Array.from({ length: 12 }, (_, number) => `file-${number}`);
  const fetched: string[] = [];
  const files = names.map((name) => ({
    name,
    fetch: async () => {
      fetched.push(name);
      return Buffer.from(name);
    },
  }));
  const spool = await WalSpool.open({ host: machine, directory, files, ahead: 3 });
  try {
    for (const name of names) assert.equal(await ask(directory, name), 0, name);
    for (const name of names) {
      assert.equal(await ask(directory, name), 0, `${name} again`);
      assert.equal(readFileSync(join(directory, 'taken'), 'utf8'), name);
    }
    const twice = names.length * 2;
    assert.ok(fetched.length <= twice, `${fetched.length} fetches: it was kept until it was taken`);
    assert.equal(await ask(directory, 'unplanned'), 1);
    assert.equal(spool.failure, undefined);
  } finally {
    await spool.close();
  }
});

test('a file that is taken away before it is copied is asked for, not failed', {
  timeout,
}, async () => {
  const directory = emptySpool();
  const ready = join(directory, 'ready', 'one');
  const want = join(directory, 'want', 'one');
  mkdirSync(join(directory, 'bin'));
  writeFileSync(ready, 'content');
  // The spool makes room between the look and the copy.
  const cp = join(directory, 'bin', 'cp');
  writeFileSync(cp, `#!/bin/sh\nrm -f "$1" "$0"\nexec cp "$@"\n`);
  chmodSync(cp, 0o755);
  const asking = ask(directory, 'one', `${join(directory, 'bin')}:${process.env.PATH}`);
  for (let tries = 0; !existsSync(want) && tries < 500; tries++) await sleep(10);
  assert.ok(existsSync(want), 'it is asked for');
  writeFileSync(ready, 'content');
  assert.equal(await asking, 0);
  assert.equal(readFileSync(join(directory, 'taken'), 'utf8'), 'content');
});

test('whatever is wrong fails recovery: only what is not planned is not in the archive', {
  timeout,
}, async (context) => {
  const broken = {
    'the destination cannot be written': (directory: string) =>
      mkdirSync(join(directory, 'taken', 'one'), { recursive: true }),
    'the plan is gone': (directory: string) => rmSync(join(directory, 'plan')),
    'the pid is gone': (directory: string) => rmSync(join(directory, 'pid')),
    'nothing can be asked for': (directory: string) =>
      rmSync(join(directory, 'want'), { recursive: true }),
    'nothing can be told': (directory: string) =>
      rmSync(join(directory, 'served'), { recursive: true }),
    'the filler failed': (directory: string) => writeFileSync(join(directory, 'failed'), ''),
  };
  for (const [what, spoil] of Object.entries(broken)) {
    await context.test(what, async () => {
      const directory = emptySpool();
      const waits = what === 'nothing can be asked for' || what === 'the filler failed';
      if (!waits) writeFileSync(join(directory, 'ready', 'one'), 'content');
      spoil(directory);
      assert.equal(await ask(directory, 'one'), 200);
    });
  }
  assert.equal(await ask(emptySpool(), 'unplanned'), 1);
});

/** As a spool leaves it for its client; this process is the filler. */
function emptySpool(): string {
  const directory = temporaryDirectory();
  for (const folder of ['ready', 'want', 'served']) mkdirSync(join(directory, folder));
  writeFileSync(join(directory, 'fetch.sh'), RESTORE_COMMAND_SCRIPT);
  writeFileSync(join(directory, 'pid'), `${process.pid}\n`);
  writeFileSync(join(directory, 'plan'), 'one\n');
  return directory;
}
