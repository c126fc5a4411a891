import { dirname, join } from 'node:path';
import type { Host } from '../../host/host.ts';

/** A mount point's own folder: a fresh volume is empty although it holds this. It stays root's. */
export const MOUNT_POINT_LEFTOVERS: ReadonlySet<string> = new Set(['lost+found']);

interface Owner {
  readonly uid: number;
  readonly gid: number;
}

/**
 * Gives a finished tree to the user the server runs as, and flushes its directories to disk; its
 * files were flushed as they were written.
 */
export async function settleTree(options: {
  readonly host: Host;
  readonly root: string;
  /** Permission bits of the root itself. */
  readonly mode: number;
  readonly owner?: Owner | undefined;
}): Promise<void> {
  const { host, root, mode, owner } = options;
  const { promises: fs } = host.fs;
  await fs.chmod(root, mode);
  await settle({ host, path: root, owner, skip: MOUNT_POINT_LEFTOVERS });
  await syncDirectory({ host, path: dirname(root) }).catch((error: NodeJS.ErrnoException) => {
    // The parent of a mount point may not be ours even to read; then it has had its entry long.
    if (error.code !== 'EACCES' && error.code !== 'EPERM') throw error;
  });
}

async function settle(options: {
  readonly host: Host;
  readonly path: string;
  readonly owner: Owner | undefined;
  readonly skip?: ReadonlySet<string>;
}): Promise<void> {
  const { host, path, owner, skip } = options;
  const { promises: fs } = host.fs;
  for (const entry of await fs.readdir(path, { withFileTypes: true })) {
    if (skip?.has(entry.name)) continue;
    const child = join(path, entry.name);
    if (entry.isDirectory()) await settle({ host, path: child, owner });
    else if (owner) await fs.lchown(child, owner.uid, owner.gid);
  }
  if (owner) await fs.chown(path, owner.uid, owner.gid);
  await syncDirectory({ host, path });
}

export async function syncDirectory(options: {
  readonly host: Host;
  readonly path: string;
}): Promise<void> {
  const handle = await options.host.fs.promises.open(options.path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
