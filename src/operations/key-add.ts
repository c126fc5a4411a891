import { readUnlock } from '../config/secrets.ts';
import { HoldfastError } from '../errors/holdfast-error.ts';
import { newKeyFile } from '../repository/keys/key-file.ts';
import { addRecipient } from '../repository/repository.ts';
import type { ConfiguredContext, KeyAddRequest, KeyAddResult } from './contract.ts';
import { createFile } from './create-file.ts';
import { openConfigured } from './open-configured.ts';

/** A key file is on disk before the repository knows it: a key that opens must not be lost. */
export async function keyAdd(
  context: ConfiguredContext,
  request: KeyAddRequest,
): Promise<KeyAddResult> {
  const { host, environment } = context;
  const { key, role, label } = request;
  const { repository } = await openConfigured(context);
  const create = key.kind === 'key-file';
  if (create) {
    const text = newKeyFile(host.random);
    const made = await createFile({ host, path: key.path, text, mode: 0o600 });
    if (made === 'exists') throw new HoldfastError('KEY_FILE_EXISTS', { path: key.path });
  }
  try {
    const { value: unlock } = await readUnlock({ key, host, environment });
    const { id } = await addRecipient({ repository, recipient: { unlock, role, label } });
    return { id, role, key: { ...key, created: create } };
  } catch (error) {
    // A key that was refused opens nothing. One whose write was left open may: it stays.
    const refused = error instanceof HoldfastError && error.kind !== 'transient';
    if (create && refused) await host.fs.promises.rm(key.path, { force: true });
    throw error;
  }
}
