import { HoldfastError, isHoldfastError } from '../errors/holdfast-error.ts';
import type { Host } from '../host/host.ts';
import { probeStore, type StoreCapabilities } from '../store/probe.ts';
import type { Store } from '../store/store.ts';
import type { KeyRing } from './keys/key-ring.ts';
import {
  describeRecipient,
  type NewRecipient,
  parseRecipient,
  type Recipient,
  wrapSecrets,
} from './keys/recipient.ts';
import { SecretKeyRing } from './keys/secret-key-ring.ts';
import { newSecrets } from './keys/secrets.ts';
import { unlockSecrets } from './keys/unlock.ts';
import type { Unlock } from './keys/wrapping-key.ts';
import {
  encodeRepositoryFile,
  type Purpose,
  parseRepositoryFile,
  REPOSITORY_KEY,
  verifyRepositoryFile,
} from './repository-file.ts';

/** An open repository: where its objects are, and the keys to them. */
export interface Repository {
  /** 32 lower-case hex digits; bound into every sealed object. */
  readonly id: string;
  readonly store: Store;
  readonly keys: KeyRing;
  readonly host: Host;
}

/** What the store was found to honour at init: local to this store, not part of a replica. */
const CAPABILITIES_KEY = 'local/store.json';

/**
 * Creates a repository. The recipients come first and repo.json last, create-only: until then
 * there is none, and of two inits one gets REPOSITORY_EXISTS.
 *
 * REPOSITORY_STORE_UNSAFE when the store ignores conditional writes, unless `allowUnsafeStore`:
 * then nothing stops two writers from overwriting each other.
 */
export async function createRepository(options: {
  store: Store;
  host: Host;
  recipients: readonly NewRecipient[];
  allowUnsafeStore?: boolean;
}): Promise<Repository> {
  const { store, host, recipients } = options;
  const { location } = store;
  if (!recipients.some(({ role = 'full' }) => role === 'full')) {
    throw new HoldfastError('KEY_NO_FULL_RECIPIENT');
  }
  if ((await readIfPresent(store, REPOSITORY_KEY)) !== null) {
    throw new HoldfastError('REPOSITORY_EXISTS', { location });
  }
  if (await holdsContent(store)) throw new HoldfastError('REPOSITORY_HEADLESS', { location });
  const capabilities = await probeStore({ store, host });
  if (!options.allowUnsafeStore) assertSafe(capabilities, location);

  const id = host.random.bytes(16).toString('hex');
  const secrets = newSecrets({ repository: id, random: host.random });
  const keys = new SecretKeyRing({ secrets, random: host.random });
  const wrapped: string[] = [];
  for (const recipient of recipients) {
    const issued = keys.issue(recipient.role ?? 'full');
    const { key, body } = await wrapSecrets({ host, recipient, secrets: issued });
    await store.put(key, body);
    wrapped.push(key);
  }
  const created = new Date(host.clock.now()).toISOString();
  try {
    await store.put(REPOSITORY_KEY, encodeRepositoryFile({ secrets, created }));
  } catch (error) {
    if (!isHoldfastError(error, 'STORE_EXISTS')) throw error;
    for (const key of wrapped) await store.remove(key).catch(() => undefined);
    throw new HoldfastError('REPOSITORY_EXISTS', { location }, { cause: error });
  }
  await recordCapabilities({ store, capabilities, probed: created });
  return { id, store, host, keys };
}

/**
 * Opens a repository with a passphrase or key file. REPOSITORY_ABSENT only when the store
 * answered and holds nothing; KEY_WRONG when no recipient opens.
 */
export async function openRepository(options: {
  store: Store;
  host: Host;
  unlock: Unlock;
  /** Features unknown to this version are refused for what is to be done. Default: write. */
  purpose?: Purpose;
}): Promise<Repository> {
  const { store, host, unlock, purpose = 'write' } = options;
  const { location } = store;
  const body = await readIfPresent(store, REPOSITORY_KEY);
  if (body === null) {
    const code = (await holdsContent(store)) ? 'REPOSITORY_HEADLESS' : 'REPOSITORY_ABSENT';
    throw new HoldfastError(code, { location });
  }
  const file = parseRepositoryFile(body, purpose);
  const secrets = await unlockSecrets({ store, unlock, repository: file.id });
  verifyRepositoryFile(file, secrets);
  return { id: file.id, store, host, keys: new SecretKeyRing({ secrets, random: host.random }) };
}

/** Admits one more recipient. KEY_WRITE_ONLY unless the repository was opened by a full one. */
export async function addRecipient(options: {
  repository: Repository;
  recipient: NewRecipient;
}): Promise<Recipient> {
  const { repository, recipient } = options;
  const secrets = repository.keys.issue(recipient.role ?? 'full');
  const { key, body } = await wrapSecrets({ host: repository.host, recipient, secrets });
  await repository.store.put(key, body);
  return describeRecipient(parseRecipient(key, body));
}

/**
 * Who can open the repository; needs no key. Labels and roles are what the store says. A damaged
 * recipient throws, unless `onDamaged` is given.
 */
export async function listRecipients(options: {
  store: Store;
  onDamaged?: (damaged: { key: string; error: Error }) => void;
}): Promise<Recipient[]> {
  const { store, onDamaged } = options;
  const recipients: Recipient[] = [];
  for await (const { key } of store.list('keys/')) {
    try {
      recipients.push(describeRecipient(parseRecipient(key, await store.get(key))));
    } catch (error) {
      if (!onDamaged || !isHoldfastError(error) || error.kind !== 'corrupt') throw error;
      onDamaged({ key, error });
    }
  }
  return recipients;
}

function assertSafe(capabilities: StoreCapabilities, location: string): void {
  const missing = [
    ...(capabilities.conditionalCreate ? [] : ['create-only']),
    ...(capabilities.compareAndSwap ? [] : ['compare-and-swap']),
  ].join(', ');
  if (missing) throw new HoldfastError('REPOSITORY_STORE_UNSAFE', { location, missing });
}

async function recordCapabilities(options: {
  store: Store;
  capabilities: StoreCapabilities;
  probed: string;
}): Promise<void> {
  const body = JSON.stringify({
    formatVersion: 1,
    ...options.capabilities,
    probed: options.probed,
  });
  const current = await options.store.read(CAPABILITIES_KEY);
  await options.store.replace(CAPABILITIES_KEY, Buffer.from(body), current?.version ?? null);
}

/** Snapshots or packs without repo.json are a damaged repository, not a missing one. */
async function holdsContent(store: Store): Promise<boolean> {
  for (const prefix of ['lineages/', 'packs/']) {
    for await (const _ of store.list(prefix)) return true;
  }
  return false;
}

async function readIfPresent(store: Store, key: string): Promise<Buffer | null> {
  try {
    return await store.get(key);
  } catch (error) {
    if (isHoldfastError(error, 'STORE_ABSENT')) return null;
    throw error;
  }
}
