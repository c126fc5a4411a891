import type { Warning } from '../config/warning.ts';
import { HoldfastError, isHoldfastError } from '../errors/holdfast-error.ts';
import { listRecipients } from '../repository/repository.ts';
import { REPOSITORY_KEY } from '../repository/repository-file.ts';
import type { Store } from '../store/store.ts';
import type { ConfiguredContext, KeyListResult } from './contract.ts';
import { openStore } from './open-configured.ts';

/** Needs no key: it must answer whoever wonders which one is missing. */
export async function keyList(context: ConfiguredContext): Promise<KeyListResult> {
  const { host, config } = context;
  const warnings: Warning[] = [];
  const store = openStore({ host, location: config.repository.location });
  await assertRepository(store);
  const recipients = await listRecipients({
    store,
    onDamaged: ({ error }) => {
      warnings.push({ message: error.message, hint: (error as HoldfastError).hint });
    },
  });
  const keys = recipients
    .map(({ id, label, created, kind, role }) => ({ id, label, created, kind, role }))
    .sort((a, b) => (a.created < b.created ? -1 : 1));
  return { keys, warnings };
}

async function assertRepository(store: Store): Promise<void> {
  try {
    await store.stat(REPOSITORY_KEY);
  } catch (error) {
    if (!isHoldfastError(error, 'STORE_ABSENT')) throw error;
    throw new HoldfastError('REPOSITORY_ABSENT', { location: store.location }, { cause: error });
  }
}
