import { spawn } from 'node:child_process';
import { promises as fs } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import type { ServerUser } from '../../src/engines/postgres/server/server-user.ts';
import { isHoldfastError } from '../../src/errors/holdfast-error.ts';
import { openRepository } from '../../src/repository/repository.ts';
import { FileSystemStore } from '../../src/store/filesystem/file-system-store.ts';
import { testHost } from '../doubles/host.ts';
import { restoreTo } from './scenario.ts';

interface Order {
  /** Of a temporary repository. */
  readonly store: string;
  readonly directory: string;
}

export interface Outcome {
  /** Of the error the restore ended with. */
  readonly code?: string;
  readonly message?: string;
  /** Of the server it started, and stopped again. */
  readonly databases?: number;
}

/** Restores the latest in a process of another user, with whose rights alone it must get along. */
export async function restoreAs(order: Order & { readonly user: ServerUser }): Promise<Outcome> {
  const { user, store, directory } = order;
  await give(store, user);
  const child = spawn(
    process.execPath,
    [fileURLToPath(import.meta.url), JSON.stringify({ store, directory })],
    { uid: user.uid, gid: user.gid, cwd: '/', stdio: ['ignore', 'pipe', 'inherit'] },
  );
  return JSON.parse(await text(child.stdout)) as Outcome;
}

async function give(path: string, user: ServerUser): Promise<void> {
  await fs.chown(path, user.uid, user.gid);
  for (const entry of await fs.readdir(path, { withFileTypes: true })) {
    const child = join(path, entry.name);
    if (entry.isDirectory()) await give(child, user);
    else await fs.chown(child, user.uid, user.gid);
  }
}

async function obey({ store, directory }: Order): Promise<Outcome> {
  const host = testHost();
  const repository = await openRepository({
    store: new FileSystemStore({ root: store, host }),
    host,
    unlock: { kind: 'key-file', key: Buffer.alloc(32, 1) },
  });
  try {
    await using _restored = await restoreTo({ repository, target: { kind: 'latest' }, directory });
    return { databases: (await fs.readdir(join(directory, 'base'))).length };
  } catch (error) {
    if (!isHoldfastError(error)) return { message: String(error) };
    return { code: error.code, message: error.message };
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  console.log(JSON.stringify(await obey(JSON.parse(process.argv[2] ?? '{}') as Order)));
}
