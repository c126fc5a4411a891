import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, promises as fs, globSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { findBinaries } from '../../src/engines/postgres/server/find-binaries.ts';
import { runProgram } from '../../src/engines/postgres/server/run-program.ts';
import { chooseServerUser } from '../../src/engines/postgres/server/server-user.ts';
import type { HoldfastError } from '../../src/errors/holdfast-error.ts';
import { machine } from '../../src/host/host.ts';
import type { Repository } from '../../src/repository/repository.ts';
import type { Snapshot } from '../../src/repository/snapshots/snapshot.ts';
import { failNth, faultyFileSystem } from '../doubles/faulty-file-system.ts';
import { testHost } from '../doubles/host.ts';
import { powerLossFileSystem } from '../doubles/power-loss.ts';
import { testEachMajor } from '../support/majors.ts';
import { startPostgres } from '../support/postgres.ts';
import { removeTemporary, temporaryDirectory } from '../support/temporary.ts';
import { restoreTo, snapshotOf, sourceOf, temporaryRepository } from './scenario.ts';
import { readTree } from './tree.ts';

const latest = { kind: 'latest' } as const;

testEachMajor(
  'a restore that cannot be finished says so, and leaves nothing that would start',
  async (major, context) => {
    await using temporary = await temporaryRepository();
    const { repository, place: storage } = temporary;
    await using postgres = await startPostgres({ major });
    await postgres.sql('create table t as select g from generate_series(1, 50000) g');
    const { snapshot } = await snapshotOf(repository, sourceOf(postgres));
    await full(context, repository);
    await damaged(context, { repository, snapshot, root: storage.root });
    await power(context, repository);
  },
  { from: 18 },
);

async function full(context: TestContext, repository: Repository): Promise<void> {
  const skip = canMount() ? false : 'only root can mount a small volume';
  if (skip) process.stderr.write(`a full disk was NOT tested: ${skip}\n`);
  await context.test('a volume that is too small', { skip }, async () => {
    const volume = temporaryDirectory(() => execFileSync('umount', [volume]));
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=12m', 'tmpfs', volume]);
    const restored = restoreTo({ repository, target: latest, directory: volume, start: false });
    await assert.rejects(restored, { code: 'DESTINATION_FULL', kind: 'transient' });
    await assertStartsNothing(volume);
    removeTemporary(volume);
  });
  // Each kind of call that takes space, where it first happens and much later.
  const calls = ['mkdir', 'open', 'handle.write', 'handle.truncate', 'handle.sync'].flatMap(
    (name) => [1, 25].map((nth) => ({ name, nth })),
  );
  const once = [1, 2, 3, 4].map((nth) => ({ name: 'handle.writeFile', nth }));
  for (const { name, nth } of [...calls, ...once]) {
    await context.test(`no space at call ${nth} of ${name}`, async () => {
      const host = testHost({ fs: faultyFileSystem(failNth(name, nth, 'ENOSPC')).fs });
      const root = temporaryDirectory();
      const directory = join(root, 'restored');
      const restored = restoreTo({ repository, target: latest, directory, start: false, host });
      await assert.rejects(restored, { code: 'DESTINATION_FULL' });
      assert.ok(!existsSync(join(directory, 'global/pg_control')));
      removeTemporary(root);
    });
  }
}

function canMount(): boolean {
  return process.getuid?.() === 0 && process.platform === 'linux';
}

async function damaged(
  context: TestContext,
  stored: { readonly repository: Repository; readonly snapshot: Snapshot; readonly root: string },
): Promise<void> {
  const { repository, snapshot, root } = stored;
  const list = snapshot.leaves[0]!.blob;
  const [pack = ''] = globSync('packs/*/*', { cwd: root });
  const [map = ''] = globSync('maps/*/*', { cwd: root });
  const spoilt: [string, string, (path: string) => Promise<void>, string][] = [
    ['a pack that is gone', pack, (path) => fs.rm(path), 'STORE_ABSENT'],
    ['a bit of a pack turned', pack, (path) => flip(path, 5_000), 'OBJECT_CORRUPT'],
    ['the end of a pack cut off', pack, (path) => shorten(path, 100), 'OBJECT_CORRUPT'],
    ['a map that is gone', map, (path) => fs.rm(path), 'STORE_ABSENT'],
    ['a map cut in half', map, (path) => shorten(path, 3_000), 'OBJECT_CORRUPT'],
    [
      'a bit of the file list turned',
      map,
      (path) => flip(path, list.offset + 99),
      'OBJECT_CORRUPT',
    ],
  ];
  for (const [title, object, spoil, code] of spoilt) {
    await context.test(title, async () => {
      const path = join(root, object);
      const sound = await fs.readFile(path);
      await spoil(path);
      try {
        const directory = join(temporaryDirectory(), 'restored');
        await assert.rejects(restoreTo({ repository, target: latest, directory }), (error) => {
          const { code: found, message } = error as HoldfastError;
          assert.equal(found, code);
          assert.ok(message.includes(object), `${message} does not name ${object}`);
          return true;
        });
        await assertStartsNothing(directory);
      } finally {
        await fs.writeFile(path, sound);
      }
    });
  }
}

async function flip(path: string, at: number): Promise<void> {
  const bytes = await fs.readFile(path);
  bytes[at]! ^= 0x10;
  await fs.writeFile(path, bytes);
}

async function shorten(path: string, by: number): Promise<void> {
  const { size } = await fs.stat(path);
  await fs.truncate(path, size - by);
}

async function power(context: TestContext, repository: Repository): Promise<void> {
  await context.test(
    'the power fails once the restore is done: nothing of it is lost',
    async () => {
      const root = temporaryDirectory();
      const lossy = await powerLossFileSystem({ root, trusted: false });
      const host = testHost({ fs: lossy.fs });
      const directory = join(root, 'restored');
      await restoreTo({ repository, target: latest, directory, start: false, host });
      const before = await readTree(directory);
      await lossy.losePower();
      assert.deepEqual(await readTree(directory), before);
      removeTemporary(root);
    },
  );
}

async function assertStartsNothing(dataDir: string): Promise<void> {
  assert.ok(!existsSync(join(dataDir, 'global/pg_control')));
  const user = await chooseServerUser({ host: machine });
  const { postgres } = await findBinaries({ host: machine, major: 18, user });
  const { exitCode } = await runProgram(postgres, ['-D', dataDir], { user });
  assert.notEqual(exitCode, 0);
  assert.notEqual(exitCode, null);
}
