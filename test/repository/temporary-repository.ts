import type { Host } from '../../src/host/host.ts';
import {
  createRepository,
  openRepository,
  type Repository,
} from '../../src/repository/repository.ts';
import type { Store } from '../../src/store/store.ts';
import { testHost } from '../doubles/host.ts';
import { temporaryStore } from '../doubles/temporary-store.ts';

const FULL = { kind: 'key-file', key: Buffer.alloc(32, 1) } as const;
const WRITER = { kind: 'key-file', key: Buffer.alloc(32, 2) } as const;

export interface TemporaryRepository extends AsyncDisposable {
  readonly repository: Repository;
  /** The directory of the store. */
  readonly root: string;
  /** The same repository through another store or host, or as a host that can only write. */
  through(changes: { store?: Store; host?: Host; role?: 'full' | 'writer' }): Promise<Repository>;
}

/** A real repository in a new directory that goes with `await using`. */
export async function temporaryRepository(host: Host = testHost()): Promise<TemporaryRepository> {
  const directory = await temporaryStore(host);
  const { store, root } = directory;
  const recipients = [
    { unlock: FULL, label: 'full' },
    { unlock: WRITER, label: 'writer', role: 'writer' } as const,
  ];
  const repository = await createRepository({ store, host, recipients });
  return {
    repository,
    root,
    through: ({ role = 'full', ...changes }) =>
      openRepository({ store, host, unlock: role === 'full' ? FULL : WRITER, ...changes }),
    [Symbol.asyncDispose]: () => directory[Symbol.asyncDispose](),
  };
}
