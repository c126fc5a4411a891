import { isHoldfastError } from '../errors/holdfast-error.ts';
import type { Host } from '../host/host.ts';
import type { Store } from './store.ts';

/** What a store really does with conditions, whatever its manual says. */
export interface StoreCapabilities {
  /** `put` refuses a key that exists. */
  readonly conditionalCreate: boolean;
  /** `replace` refuses a version that is no longer current. */
  readonly compareAndSwap: boolean;
}

/**
 * Writes twice where the second write must be refused. An S3-compatible store that ignores
 * If-None-Match answers success to both: only the attempt tells. Leaves nothing behind, except
 * where removal is not permitted: then two small objects below `probe/`.
 */
export async function probeStore(options: {
  store: Store;
  host: Host;
}): Promise<StoreCapabilities> {
  const { store, host } = options;
  const name = `probe/${host.random.bytes(16).toString('hex')}`;
  return {
    conditionalCreate: await probeCreate(store, `${name}-create`),
    compareAndSwap: await probeSwap(store, `${name}-swap`),
  };
}

async function probeCreate(store: Store, key: string): Promise<boolean> {
  const first = Buffer.from('first');
  await store.put(key, first);
  try {
    const refused = await refuses(store.put(key, Buffer.from('second')), 'STORE_EXISTS');
    return refused && first.equals(await store.get(key));
  } finally {
    await store.remove(key).catch(() => undefined);
  }
}

async function probeSwap(store: Store, key: string): Promise<boolean> {
  const first = await store.replace(key, Buffer.from('first'), null);
  let current = first;
  try {
    if (!(await refuses(store.replace(key, Buffer.from('again'), null), 'STORE_CHANGED'))) {
      return false;
    }
    current = await store.replace(key, Buffer.from('second'), first);
    if (!(await refuses(store.replace(key, Buffer.from('stale'), first), 'STORE_CHANGED'))) {
      return false;
    }
    return String((await store.read(key))?.body) === 'second';
  } finally {
    await store.discard(key, current).catch(() => undefined);
  }
}

async function refuses(
  attempt: Promise<unknown>,
  code: 'STORE_EXISTS' | 'STORE_CHANGED',
): Promise<boolean> {
  try {
    await attempt;
    return false;
  } catch (error) {
    if (isHoldfastError(error, code)) return true;
    throw error;
  }
}
