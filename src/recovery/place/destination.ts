import { join } from 'node:path';
import { refuseRunning } from '../../engines/postgres/server/start-server.ts';
import { HoldfastError } from '../../errors/holdfast-error.ts';
import type { Host } from '../../host/host.ts';

/** A mount point's own folder: a fresh volume is empty although it holds this. */
const MOUNT_POINT_LEFTOVERS = new Set(['lost+found']);

/**
 * Makes sure that a restore writes over nothing: the directory is new or empty, and no server
 * runs in it. An existing one is used as it stands, never replaced: it may be a mount point whose
 * parent is not ours to write.
 */
export async function prepareDestination(options: {
  readonly host: Host;
  readonly directory: string;
  readonly source: string;
}): Promise<void> {
  const { host, directory, source } = options;
  await refuseRunning({ host, dataDir: directory });
  if (!(await isEmptyOrAbsent({ host, directory }))) {
    throw new HoldfastError('DESTINATION_NOT_EMPTY', { directory, source });
  }
  await makeDirectory({ host, directory, mode: 0o700 });
}

/** As above for a tablespace, whose location another cluster may still be using. */
export async function prepareTablespace(options: {
  readonly host: Host;
  readonly oid: number;
  readonly location: string;
}): Promise<void> {
  const { host, oid, location } = options;
  if (!(await isEmptyOrAbsent({ host, directory: location }))) {
    throw new HoldfastError('TABLESPACE_NOT_EMPTY', { oid, location });
  }
  await makeDirectory({ host, directory: location, mode: 0o700 });
}

async function isEmptyOrAbsent(options: {
  readonly host: Host;
  readonly directory: string;
}): Promise<boolean> {
  const { host, directory } = options;
  try {
    const names = await host.fs.promises.readdir(directory);
    return names.every((name) => MOUNT_POINT_LEFTOVERS.has(name));
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    if (code === 'ENOENT') return true;
    throw new HoldfastError('DESTINATION_UNUSABLE', { directory, reason: message }, { cause });
  }
}

async function makeDirectory(options: {
  readonly host: Host;
  readonly directory: string;
  readonly mode: number;
}): Promise<void> {
  const { host, directory, mode } = options;
  try {
    await host.fs.promises.mkdir(directory, { recursive: true, mode });
  } catch (cause) {
    const { message } = cause as Error;
    throw new HoldfastError('DESTINATION_UNUSABLE', { directory, reason: message }, { cause });
  }
}

/** Gives a finished tree to the user the server runs as, and flushes its directories to disk. */
export async function settleTree(options: {
  readonly host: Host;
  readonly root: string;
  readonly owner?: { readonly uid: number; readonly gid: number } | undefined;
}): Promise<void> {
  const { host, root, owner } = options;
  const { promises: fs } = host.fs;
  for (const entry of await fs.readdir(root, { withFileTypes: true })) {
    const path = join(root, entry.name);
    if (entry.isDirectory()) await settleTree({ host, root: path, owner });
    else if (owner) await fs.lchown(path, owner.uid, owner.gid);
  }
  if (owner) await fs.chown(root, owner.uid, owner.gid);
  const handle = await fs.open(root, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
