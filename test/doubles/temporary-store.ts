import type { Host } from '../../src/host/host.ts';
import { FileSystemStore } from '../../src/store/filesystem/file-system-store.ts';
import { removeTemporary, temporaryDirectory } from '../support/temporary.ts';
import { testHost } from './host.ts';

export interface TemporaryStore extends AsyncDisposable {
  readonly root: string;
  readonly store: FileSystemStore;
}

/** A store in a new directory that goes with `await using`. */
export async function temporaryStore(host: Host = testHost()): Promise<TemporaryStore> {
  const root = temporaryDirectory();
  return {
    root,
    store: new FileSystemStore({ root, host }),
    [Symbol.asyncDispose]: async () => removeTemporary(root),
  };
}
