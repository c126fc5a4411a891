import { promises as fs } from 'node:fs';
import { join } from 'node:path';
import type { Node, TestPostgres } from './postgres.ts';

/**
 * Copies a running primary into `node` by the low-level backup functions (no pg_basebackup comes
 * with the package) and makes it a standby with a slot of its own.
 */
export async function cloneRunning(options: {
  readonly primary: TestPostgres;
  readonly node: Node;
}): Promise<void> {
  const { primary, node } = options;
  const slot = `standby_${node.port}`;
  const [start, stop] =
    primary.major >= 15
      ? ["pg_backup_start('clone', true)", 'pg_backup_stop(false)']
      : ["pg_start_backup('clone', true, false)", 'pg_stop_backup(false, false)'];
  await primary.sql(`SELECT pg_create_physical_replication_slot('${slot}', true)`);
  await using session = await primary.connect();
  await session.query(`SELECT ${start}`);
  await copyCluster(primary.dataDir, node);
  const [result] = await session.query(`SELECT labelfile FROM ${stop}`);
  const label = result?.rows[0]?.[0] ?? '';
  const connection = `host=${primary.socketDir} port=${primary.port} user=${primary.superuser}`;
  await writeAs(node, 'backup_label', label);
  await writeAs(node, 'standby.signal', '');
  await fs.appendFile(
    join(node.dataDir, 'postgresql.auto.conf'),
    `primary_conninfo = '${connection} application_name=${slot}'\nprimary_slot_name = '${slot}'\n`,
  );
}

/** A copy of a stopped cluster without tablespaces; answers its data directory. */
export async function copyStopped(node: Node): Promise<string> {
  const copy = await fs.mkdtemp(join(node.root, 'copy-'));
  const dataDir = join(copy, 'data');
  await copyTree(node.dataDir, dataDir);
  await own(node, copy);
  return dataDir;
}

const NOT_COPIED = ['postmaster.pid', 'postmaster.opts', 'pg_replslot', 'pg_wal'];

/** Files may vanish or change while they are copied: recovery mends that. */
async function copyCluster(from: string, node: Node): Promise<void> {
  for (const entry of await fs.readdir(from)) {
    if (NOT_COPIED.includes(entry) || entry === 'pg_tblspc') continue;
    await copyTree(join(from, entry), join(node.dataDir, entry));
  }
  for (const directory of ['pg_wal', 'pg_wal/archive_status', 'pg_replslot', 'pg_tblspc']) {
    await fs.mkdir(join(node.dataDir, directory), { mode: 0o700 });
  }
  for (const oid of await fs.readdir(join(from, 'pg_tblspc'))) {
    const copy = join(node.root, `tablespace-${oid}`);
    await copyTree(await fs.realpath(join(from, 'pg_tblspc', oid)), copy);
    await fs.symlink(copy, join(node.dataDir, 'pg_tblspc', oid));
  }
  await own(node, node.root, false);
}

async function copyTree(from: string, to: string): Promise<void> {
  try {
    const { mode } = await fs.stat(from);
    if (!(await fs.stat(from)).isDirectory()) {
      await fs.copyFile(from, to);
      return;
    }
    await fs.mkdir(to, { mode: mode & 0o777 });
    for (const entry of await fs.readdir(from)) await copyTree(join(from, entry), join(to, entry));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}

async function own(node: Node, path: string, itself = true): Promise<void> {
  if (!node.user) return;
  if (itself) await fs.lchown(path, node.user.uid, node.user.gid);
  for (const entry of await fs.readdir(path, { withFileTypes: true })) {
    const child = join(path, entry.name);
    if (entry.isDirectory()) await own(node, child);
    else await fs.lchown(child, node.user.uid, node.user.gid);
  }
}

async function writeAs(node: Node, name: string, text: string): Promise<void> {
  const path = join(node.dataDir, name);
  await fs.writeFile(path, text, { mode: 0o600 });
  if (node.user) await fs.chown(path, node.user.uid, node.user.gid);
}
