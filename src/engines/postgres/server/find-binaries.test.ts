import assert from 'node:assert/strict';
import { promises as fs } from 'node:fs';
import { dirname, join } from 'node:path';
import test from 'node:test';
import { testBinaries } from '../../../../test/support/majors.ts';
import { removeTemporary, temporaryDirectory } from '../../../../test/support/temporary.ts';
import { machine } from '../../../host/host.ts';
import { runnable } from './embedded.ts';
import { findBinaries } from './find-binaries.ts';
import { chooseServerUser } from './server-user.ts';

test('a version that is nowhere is an error that says what to install', async () => {
  await assert.rejects(findBinaries({ host: machine, major: 99 }), {
    code: 'POSTGRES_BINARIES_ABSENT',
    hint: /postgresql-99/,
  });
});

test('the package from npm serves when nothing else is installed', async () => {
  const user = await chooseServerUser({ host: machine });
  const binaries = await findBinaries({ host: machine, major: 18, user });
  assert.equal(binaries.major, 18);
});

// Trap 22: binaries must be executable by the user that is dropped to.
test('a package whose links were blocked, below a closed directory, is mended in a copy', async (t) => {
  const installed = await testBinaries(16);
  if (!installed) return t.skip('PostgreSQL 16 is not installed');
  const directory = temporaryDirectory();
  const closed = join(directory, 'closed');
  const root = join(closed, 'package');
  await fs.cp(dirname(dirname(installed.directory)), root, { recursive: true });
  for (const { target } of JSON.parse(
    await fs.readFile(join(root, 'native', 'pg-symlinks.json'), 'utf8'),
  ) as { target: string }[]) {
    await fs.rm(join(root, target));
  }
  await fs.chmod(closed, 0o700);
  const user = await chooseServerUser({ host: machine });
  const request = { host: machine, root, version: '16.0-test', user, cache: directory };
  const mended = await runnable(request);
  assert.equal(mended?.version, installed.version);
  assert.equal(mended?.directory.startsWith(join(directory, 'holdfast-postgres-16.0-test')), true);
  assert.deepEqual(await runnable(request), mended, 'the second time the copy is found');
  assert.equal((await fs.readdir(directory)).length, 2);

  // Somebody else's directory under the name we would use is never run.
  const copy = dirname(dirname(mended?.directory ?? ''));
  await fs.chmod(copy, 0o777);
  const other = await runnable(request);
  assert.notEqual(other?.directory, mended?.directory);
  removeTemporary(directory);
});
