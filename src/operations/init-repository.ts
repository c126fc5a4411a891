import { basename } from 'node:path';
import type { KeySource } from '../config/config.ts';
import { readUnlock } from '../config/secrets.ts';
import type { Warning } from '../config/warning.ts';
import { HoldfastError, isHoldfastError } from '../errors/holdfast-error.ts';
import { newKeyFile } from '../repository/keys/key-file.ts';
import { createRepository, openRepository } from '../repository/repository.ts';
import { REPOSITORY_KEY } from '../repository/repository-file.ts';
import { createRoot } from '../store/filesystem/file-system-store.ts';
import type { Store } from '../store/store.ts';
import type { Context } from './contract.ts';
import { createFile } from './create-file.ts';
import { openStore } from './open-configured.ts';

export interface PreparedRepository {
  readonly id: string;
  readonly created: boolean;
  readonly keyCreated: boolean;
  readonly rootCreated: boolean;
  readonly warnings: readonly Warning[];
}

/** Opens the repository at `location` with this key, or creates both. */
export async function prepareRepository(options: {
  readonly context: Context;
  readonly location: string;
  readonly key: KeySource;
  readonly allowUnsafeStore: boolean;
}): Promise<PreparedRepository> {
  const { context, location, key, allowUnsafeStore } = options;
  const { host, environment } = context;
  const rootCreated = !(await exists(context, location));
  const store = openStore({ host, location });
  const held = !rootCreated && (await holdsRepository(store));
  const keyCreated = await prepareKey({ context, location, key, held });
  const { value: unlock, warnings } = await readUnlock({ key, host, environment });
  if (rootCreated) await createRoot({ root: location, host });
  const open = async () => {
    const { id } = await openRepository({ store, host, unlock });
    return { id, created: false, keyCreated, rootCreated, warnings };
  };
  if (held) return await open();
  const label = key.kind === 'key-file' ? basename(key.path) : 'passphrase';
  try {
    const recipients = [{ unlock, label }];
    const { id } = await createRepository({ store, host, recipients, allowUnsafeStore });
    return { id, created: true, keyCreated, rootCreated, warnings };
  } catch (error) {
    // Another init was quicker; whether its key is this one shows now.
    if (isHoldfastError(error, 'REPOSITORY_EXISTS')) return await open();
    throw error;
  }
}

/** A new key never takes the place of one that a repository is already sealed with. */
async function prepareKey(options: {
  readonly context: Context;
  readonly location: string;
  readonly key: KeySource;
  readonly held: boolean;
}): Promise<boolean> {
  const { context, location, key, held } = options;
  if (key.kind !== 'key-file') return false;
  if (held) {
    if (await exists(context, key.path)) return false;
    throw new HoldfastError('INIT_KEY_ABSENT', { location, path: key.path });
  }
  const { host } = context;
  const text = newKeyFile(host.random);
  return (await createFile({ host, path: key.path, text, mode: 0o600 })) === 'created';
}

async function holdsRepository(store: Store): Promise<boolean> {
  try {
    await store.stat(REPOSITORY_KEY);
    return true;
  } catch (error) {
    if (isHoldfastError(error, 'STORE_ABSENT')) return false;
    throw error;
  }
}

/** Only a certain absence is one: what cannot be looked at is left to whoever opens it. */
async function exists({ host }: Context, path: string): Promise<boolean> {
  try {
    await host.fs.promises.stat(path);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ENOENT';
  }
}
