import assert from 'node:assert/strict';
import { promises as fs } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { chooseServerUser } from '../../src/engines/postgres/server/server-user.ts';
import { machine } from '../../src/host/host.ts';
import { testEachMajor } from '../support/majors.ts';
import { startPostgres } from '../support/postgres.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { restoreAs } from './as-user.ts';
import { restoreTo, snapshotOf, sourceOf, temporaryRepository } from './scenario.ts';

const latest = { kind: 'latest' } as const;
const newest = { from: 18 };

testEachMajor(
  'a destination is used as it stands or refused, never written over',
  async (major, context) => {
    await using temporary = await temporaryRepository();
    const { repository } = temporary;
    await using postgres = await startPostgres({ major });
    await snapshotOf(repository, sourceOf(postgres));
    const here = temporaryDirectory();
    const into = async (directory: string) => {
      await using _restored = await restoreTo({ repository, target: latest, directory });
    };
    const refuses = (title: string, directory: string, code: string) =>
      context.test(title, async () => {
        const before = await listing(directory);
        await assert.rejects(into(directory), { code });
        assert.deepEqual(await listing(directory), before);
      });

    await fs.mkdir(join(here, 'full'));
    await fs.writeFile(join(here, 'full', 'kept'), 'kept');
    await refuses('a directory with a file in it', join(here, 'full'), 'DESTINATION_NOT_EMPTY');
    await refuses('a running server’s directory', postgres.dataDir, 'POSTGRES_SERVER_RUNNING');
    await refuses('a file', join(here, 'full', 'kept'), 'DESTINATION_UNUSABLE');
    await fs.symlink(join(here, 'nowhere'), join(here, 'dangling'));
    await refuses('a link to nowhere', join(here, 'dangling'), 'DESTINATION_UNUSABLE');

    // mkdir makes 0755, of which PostgreSQL says "invalid permissions".
    await context.test('an empty directory that others may read', async () => {
      await fs.mkdir(join(here, 'readable'), { mode: 0o755 });
      await into(join(here, 'readable'));
    });
    // Made 0700 for root, the server's own user could not enter them.
    await context.test('below directories that are not there yet', () =>
      into(join(here, 'not', 'there', 'yet')),
    );
    await context.test('a mount point of root, with lost+found', async () => {
      await makeMountPoint(join(here, 'mount'));
      await into(join(here, 'mount'));
    });
    await asOtherUser(context, { store: temporary.place.root, here });
  },
  newest,
);

async function asOtherUser(
  context: TestContext,
  places: { readonly store: string; readonly here: string },
): Promise<void> {
  const { store, here } = places;
  const user = await chooseServerUser({ host: machine });
  const skip = user ? false : 'only root can run as another user';
  // Research §4.3 #30: nothing beside the mount point may be needed, and lost+found is root's.
  await context.test(
    'a mount point whose parent is root’s, by an ordinary user',
    { skip },
    async () => {
      const directory = join(here, 'roots', 'mount');
      await makeMountPoint(directory, user);
      assert.deepEqual(await restoreAs({ store, directory, user: user! }), { databases: 3 });
      const { uid, mode } = await fs.stat(join(directory, 'lost+found'));
      assert.deepEqual({ uid, mode: mode & 0o777 }, { uid: 0, mode: 0o700 });
    },
  );
  await context.test('a directory of another user, by an ordinary user', { skip }, async () => {
    const directory = join(here, 'others');
    await fs.mkdir(directory, { mode: 0o777 });
    await fs.chmod(directory, 0o777);
    const outcome = await restoreAs({ store, directory, user: user! });
    assert.equal(outcome.code, 'DESTINATION_UNUSABLE');
    assert.deepEqual(await fs.readdir(directory), []);
  });
}

/** As mkfs and mount leave it. */
async function makeMountPoint(
  path: string,
  owner?: { readonly uid: number; readonly gid: number },
): Promise<void> {
  await fs.mkdir(join(path, 'lost+found'), { recursive: true });
  await fs.chmod(join(path, 'lost+found'), 0o700);
  if (owner) await fs.chown(path, owner.uid, owner.gid);
}

/** Names below it, or that it is something else. */
async function listing(path: string): Promise<readonly string[] | string> {
  return await fs.readdir(path).catch((error: NodeJS.ErrnoException) => error.code ?? 'unknown');
}
