import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { closeSync, cpSync, openSync, readdirSync, rmSync, writeSync } from 'node:fs';
import { basename, join } from 'node:path';
import test from 'node:test';
import type { DurabilityTier } from '../../src/engines/postgres/wal/receiver.ts';
import { openRepository, type Repository } from '../../src/repository/repository.ts';
import { FileSystemStore } from '../../src/store/filesystem/file-system-store.ts';
import { testHost } from '../doubles/host.ts';
import { temporaryRepository } from '../doubles/temporary-repository.ts';
import { snapshotOf, sourceOf } from '../recovery/scenario.ts';
import { startPostgres } from '../support/postgres.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { type Following, follow, makeSynchronous, ofKind, stored, until } from './followed.ts';
import { createCommitsTable, lastOf, NumberedCommits } from './numbered-commits.ts';
import { assertExactly, recover } from './recovered.ts';

const root = process.getuid?.() === 0 && process.platform === 'linux';
const skip = root ? false : 'only root can mount a small volume';
if (skip) process.stderr.write(`a full repository was NOT tested: ${skip}\n`);
const VOLUME = '48m';

const whileFull: Record<DurabilityTier, (scene: Scene) => Promise<void>> = {
  // What is acknowledged is in the journal: commits need no repository.
  journal: async ({ clients, follower }) => {
    await clients.more(20);
    const { flushed, stored: held } = follower.position;
    assert.ok((flushed?.lsn ?? 0n) > (held?.lsn ?? 0n), 'the journal holds what is not stored');
  },
  // Commits wait, and what was acknowledged is in the repository as it is now.
  repository: async ({ clients, follower, volume }) => {
    const failures = () => ofKind(follower, 'upload-failed').length;
    await until('commits wait', async () => {
      // A failed write gives a little space back, in which a small piece may still find room.
      fill(volume);
      const [commits, failed] = [clients.commits.length, failures()];
      await until('two more uploads failed', () => failures() >= failed + 2);
      return clients.commits.length === commits;
    });
    const acknowledged = [...clients.commits];
    const copy = temporaryDirectory();
    cpSync(volume, copy, { recursive: true, filter: (file) => basename(file) !== BALLAST });
    const repository = await openCopy(copy);
    await using recovered = await recover({ repository, target: { kind: 'latest' } });
    assertExactly({ recovered, commits: acknowledged, present: lastOf(acknowledged) });
  },
};

for (const durability of ['journal', 'repository'] as const) {
  test(`a full repository with durability ${durability}: said, waited out, and nothing lost`, {
    skip,
    timeout: 150_000,
  }, async () => {
    const volume = temporaryDirectory(() => execFileSync('umount', [volume]));
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${VOLUME}`, 'tmpfs', volume]);
    await using place = await temporaryRepository({
      through: () => new FileSystemStore({ root: volume, host: testHost() }),
    });
    const { repository } = place;
    await using postgres = await startPostgres({ major: 18 });
    const source = sourceOf(postgres);
    await createCommitsTable(postgres);
    await using follower = await follow({
      repository,
      source,
      durability,
      uploadEveryMs: 50,
      leaseTtlMs: 1_500,
    });
    using _space = { [Symbol.dispose]: () => rmSync(join(volume, BALLAST), { force: true }) };
    await makeSynchronous(postgres);
    await snapshotOf(repository, source);
    const clients = await NumberedCommits.start({ source });
    await clients.more(20);

    fill(volume);
    await until('it is said', () => ofKind(follower, 'upload-failed').length > 0);
    const [failed] = ofKind(follower, 'upload-failed');
    assert.match(failed?.error.message ?? '', /no space left/);
    await whileFull[durability]({ clients, follower, volume });
    rmSync(join(volume, BALLAST));

    await clients.more(20);
    const commits = await clients.stop();
    await stored(follower, postgres);
    assert.ok(ofKind(follower, 'upload-recovered').length > 0);
    assert.equal(follower.position.reconnects, 0);
    await postgres.kill9();
    await follower.stop();
    const files = readdirSync(volume, { recursive: true, encoding: 'utf8' });
    assert.deepEqual(
      files.filter((name) => basename(name).startsWith('.tmp')),
      [],
    );
    await using recovered = await recover({ repository, target: { kind: 'latest' } });
    assertExactly({ recovered, commits, present: lastOf(commits) });
  });
}

interface Scene {
  readonly clients: NumberedCommits;
  readonly follower: Following;
  readonly volume: string;
}

const BALLAST = 'ballast';

/** Not a byte more fits on the volume. */
function fill(volume: string): void {
  const file = openSync(join(volume, BALLAST), 'a');
  try {
    for (const size of [1 << 20, 4096]) writeUntilFull(file, Buffer.alloc(size));
  } finally {
    closeSync(file);
  }
}

function writeUntilFull(file: number, bytes: Buffer): void {
  try {
    while (writeSync(file, bytes) === bytes.length);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
  }
}

async function openCopy(directory: string): Promise<Repository> {
  const host = testHost();
  const store = new FileSystemStore({ root: directory, host });
  const unlock = { kind: 'key-file', key: Buffer.alloc(32, 1) } as const;
  return await openRepository({ store, host, unlock });
}
