import { promises as fs } from 'node:fs';
import { dirname, join } from 'node:path';
import { freePort } from '../../../../../test/support/free-port.ts';
import { TestPostgres } from '../../../../../test/support/postgres.ts';
import type { Taken } from './take.ts';

/**
 * A server started from a snapshot, with the log of the stopped or running source. Recovery goes
 * to the end of that log. Dispose it before the source, in whose directory it lives.
 */
export async function startRestored(source: TestPostgres, taken: Taken): Promise<TestPostgres> {
  const { node } = source;
  const root = await fs.mkdtemp(join(node.root, 'restored-'));
  const dataDir = join(root, 'data');
  const runDir = join(root, 'run');
  for (const [path, mode] of taken.sink.directories) {
    await fs.mkdir(join(dataDir, path), { recursive: true, mode });
  }
  await fs.mkdir(runDir);
  for (const [path, { bytes, file }] of taken.sink.files) {
    await fs.mkdir(dirname(join(dataDir, path)), { recursive: true });
    await fs.writeFile(join(dataDir, path), bytes, { mode: file.mode });
  }
  await fs.writeFile(join(dataDir, 'backup_label'), taken.backup.backupLabel, { mode: 0o600 });
  for (const segment of await fs.readdir(join(node.dataDir, 'pg_wal'))) {
    if (!/^[0-9A-F]{24}$/.test(segment)) continue;
    await fs.copyFile(join(node.dataDir, 'pg_wal', segment), join(dataDir, 'pg_wal', segment));
  }
  await fs.chmod(dataDir, 0o700);
  if (node.user) await own(root, node.user.uid, node.user.gid);
  const restored = new TestPostgres({ ...node, root, dataDir, runDir, port: await freePort() });
  await restored.start();
  return restored;
}

async function own(path: string, uid: number, gid: number): Promise<void> {
  await fs.chown(path, uid, gid);
  for (const entry of await fs.readdir(path, { withFileTypes: true, recursive: true })) {
    await fs.chown(join(entry.parentPath, entry.name), uid, gid);
  }
}
