import type { Host } from '../../src/host/host.ts';
import {
  createRepository,
  openRepository,
  type Repository,
} from '../../src/repository/repository.ts';
import type { Store } from '../../src/store/store.ts';
import { testHost } from './host.ts';
import { type TemporaryStore, temporaryStore } from './temporary-store.ts';

export interface TemporaryRepository extends AsyncDisposable {
  readonly place: TemporaryStore;
  /** Opened by a full recipient. */
  readonly repository: Repository;
  /** The same, opened by a recipient of role writer. */
  readonly writer: Repository;
}

/** A new repository in a new directory, of the given host, its store seen through `through`. */
export async function temporaryRepository(
  options: { host?: Host; through?: (store: Store) => Store } = {},
): Promise<TemporaryRepository> {
  const { host = testHost(), through = (store) => store } = options;
  const place = await temporaryStore();
  const store = through(place.store);
  const full = { kind: 'key-file', key: Buffer.alloc(32, 1) } as const;
  const writer = { kind: 'key-file', key: Buffer.alloc(32, 2) } as const;
  const repository = await createRepository({
    store,
    host,
    recipients: [
      { unlock: full, label: 'operator' },
      { unlock: writer, role: 'writer', label: 'database host' },
    ],
  });
  return {
    place,
    repository,
    writer: await openRepository({ store, host, unlock: writer }),
    [Symbol.asyncDispose]: () => place[Symbol.asyncDispose](),
  };
}
