import { readUnlock } from '../config/secrets.ts';
import type { Warning } from '../config/warning.ts';
import type { Host } from '../host/host.ts';
import { openRepository, type Repository } from '../repository/repository.ts';
import { FileSystemStore } from '../store/filesystem/file-system-store.ts';
import { retrying } from '../store/retry.ts';
import type { Store } from '../store/store.ts';
import type { ConfiguredContext } from './contract.ts';

/** The store of a location, with transient failures repeated before anybody hears of them. */
export function openStore(options: { readonly host: Host; readonly location: string }): Store {
  const { host, location } = options;
  return retrying({ store: new FileSystemStore({ root: location, host }), host });
}

/** The repository that holdfast.yaml names, opened with the key it names. */
export async function openConfigured(
  context: Pick<ConfiguredContext, 'host' | 'environment' | 'config'>,
): Promise<{ readonly repository: Repository; readonly warnings: readonly Warning[] }> {
  const { host, environment, config } = context;
  const { location, key } = config.repository;
  const { value: unlock, warnings } = await readUnlock({ key, host, environment });
  const store = openStore({ host, location });
  return { repository: await openRepository({ store, host, unlock }), warnings };
}
