import { HoldfastError, isHoldfastError } from '../../errors/holdfast-error.ts';
import type { Store } from '../../store/store.ts';
import { kindOf, parseRecipient, unwrapSecrets } from './recipient.ts';
import type { Secrets } from './secrets.ts';
import type { Unlock } from './wrapping-key.ts';

/**
 * The secrets of the first recipient that `unlock` opens.
 *
 * Recipients left by an init that never finished belong to another repository id and are passed
 * over. A damaged recipient is only reported when no other opens: it may have been the one.
 */
export async function unlockSecrets(options: {
  store: Store;
  unlock: Unlock;
  repository: string;
}): Promise<Secrets> {
  const { store, unlock, repository } = options;
  const { location } = store;
  let damage: unknown;
  let stranger = false;
  let ofKind = 0;
  let count = 0;
  for await (const { key } of store.list('keys/')) {
    count += 1;
    try {
      const file = parseRecipient(key, await store.get(key));
      if (kindOf(file.derivation) !== unlock.kind) continue;
      ofKind += 1;
      const secrets = await unwrapSecrets({ file, unlock });
      if (secrets?.repository === repository) return secrets;
      stranger ||= secrets !== undefined;
    } catch (error) {
      if (!isHoldfastError(error) || error.kind === 'transient') throw error;
      damage ??= error;
    }
  }
  if (damage !== undefined) throw damage;
  const kind = unlock.kind === 'key-file' ? 'key file' : 'passphrase';
  if (stranger) {
    const reason = 'its id is not the one its keys were made for';
    throw new HoldfastError('REPOSITORY_DAMAGED', { key: 'repo.json', reason });
  }
  if (count === 0) {
    const reason = 'the store holds no recipient at all';
    throw new HoldfastError('REPOSITORY_DAMAGED', { key: 'keys/', reason });
  }
  if (ofKind === 0) throw new HoldfastError('KEY_NO_RECIPIENT', { location, kind });
  throw new HoldfastError('KEY_WRONG', { location, kind, count: ofKind });
}
