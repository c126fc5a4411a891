import { type HoldfastError, isHoldfastError } from '../errors/holdfast-error.ts';
import type { Host } from '../host/host.ts';
import type { Store, StoredObject } from './store.ts';

/** Milliseconds before each repetition, by error code; a code not listed is not repeated. */
export type RetryTable = Readonly<Partial<Record<HoldfastError['code'], readonly number[]>>>;

export const RETRIES: RetryTable = {
  STORE_TRANSIENT: [100, 300, 1000, 3000, 10_000],
  STORE_UNAVAILABLE: [1000, 5000],
};

/** For runs of hours, which an outage of a quarter of an hour must not end. */
export const PATIENT_RETRIES: RetryTable = {
  STORE_TRANSIENT: [1000, 3000, ...Array<number>(90).fill(10_000)],
  STORE_UNAVAILABLE: [1000, 3000, ...Array<number>(90).fill(10_000)],
};

/**
 * Repeats what failed for the moment, with jitter of half to one and a half times the delay.
 *
 * After a rejected write nobody knows whether it took effect. So a repeated `put` that finds the
 * object, and a repeated `replace` that finds another version, compare what is stored with what
 * was to be written: equal means that the lost response said success.
 */
export function retrying(options: { store: Store; host: Host; table?: RetryTable }): Store {
  const { store, host, table = RETRIES } = options;
  const repeat = <T>(attempt: (earlier: number) => Promise<T>) => run({ host, table, attempt });
  return {
    location: store.location,
    get: (key, range) => repeat(() => store.get(key, range)),
    stat: (key) => repeat(() => store.stat(key)),
    remove: (key) => repeat(() => store.remove(key)),
    read: (key) => repeat(() => store.read(key)),

    put: (key, body) =>
      repeat(async (earlier) => {
        try {
          await store.put(key, body);
        } catch (error) {
          if (earlier === 0 || !isHoldfastError(error, 'STORE_EXISTS')) throw error;
          if (!sameBytes(body, await store.get(key))) throw error;
        }
      }),

    replace: (key, body, expected) =>
      repeat(async (earlier) => {
        try {
          return await store.replace(key, body, expected);
        } catch (error) {
          if (earlier === 0 || !isHoldfastError(error, 'STORE_CHANGED')) throw error;
          const stored = await store.read(key);
          if (stored === null || !stored.body.equals(body)) throw error;
          return stored.version;
        }
      }),

    discard: (key, expected) =>
      repeat(async (earlier) => {
        try {
          await store.discard(key, expected);
        } catch (error) {
          if (earlier === 0 || !isHoldfastError(error, 'STORE_CHANGED')) throw error;
          if ((await store.read(key)) !== null) throw error;
        }
      }),

    /** A repetition starts over and skips what was answered already. */
    async *list(prefix) {
      let last: string | undefined;
      for (let earlier = 0; ; earlier += 1) {
        try {
          for await (const object of after(store.list(prefix), last)) {
            yield object;
            last = object.key;
          }
          return;
        } catch (error) {
          await pause({ host, table, error, earlier });
        }
      }
    },
  };
}

async function run<T>(options: {
  host: Host;
  table: RetryTable;
  attempt: (earlier: number) => Promise<T>;
}): Promise<T> {
  for (let earlier = 0; ; earlier += 1) {
    try {
      return await options.attempt(earlier);
    } catch (error) {
      await pause({ ...options, error, earlier });
    }
  }
}

/** Sleeps before the next attempt, or throws `error` when there is none. */
async function pause(options: {
  host: Host;
  table: RetryTable;
  error: unknown;
  earlier: number;
}): Promise<void> {
  const { host, table, error, earlier } = options;
  const delay = isHoldfastError(error) ? table[error.code]?.[earlier] : undefined;
  if (delay === undefined) throw error;
  const jitter = 0.5 + host.random.bytes(4).readUInt32BE() / 2 ** 32;
  await host.clock.sleep(delay * jitter);
}

async function* after(
  objects: AsyncIterable<StoredObject>,
  last: string | undefined,
): AsyncGenerator<StoredObject> {
  for await (const object of objects) {
    if (last === undefined || object.key > last) yield object;
  }
}

function sameBytes(body: Uint8Array | readonly Uint8Array[], stored: Buffer): boolean {
  let at = 0;
  for (const part of body instanceof Uint8Array ? [body] : body) {
    if (!stored.subarray(at, at + part.length).equals(part)) return false;
    at += part.length;
  }
  return at === stored.length;
}
