import fs from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import type { Host } from '../../src/host/host.ts';
import { FileSystemStore } from '../../src/store/filesystem/file-system-store.ts';
import { testHost } from './host.ts';

export interface TemporaryStore extends AsyncDisposable {
  readonly root: string;
  readonly store: FileSystemStore;
}

/** A store in a new directory that goes with `await using`. */
export async function temporaryStore(host: Host = testHost()): Promise<TemporaryStore> {
  const root = await fs.mkdtemp(path.join(os.tmpdir(), 'holdfast-store-'));
  return {
    root,
    store: new FileSystemStore({ root, host }),
    [Symbol.asyncDispose]: () => fs.rm(root, { recursive: true, force: true }),
  };
}
