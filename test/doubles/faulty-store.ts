import { HoldfastError } from '../../src/errors/holdfast-error.ts';
import type { Random } from '../../src/host/random.ts';
import type { Store } from '../../src/store/store.ts';

export type StoreOperation = Exclude<keyof Store, 'location'>;

/** `before`: nothing happened. `after`: it happened, and the response was lost. */
export type Fault = 'before' | 'after';

/** A plan that waits holds the call back meanwhile. */
export type StoreFaultPlan = (call: {
  readonly operation: StoreOperation;
  readonly key: string;
  /** 1 for the first call of any operation. */
  readonly number: number;
}) => Fault | undefined | Promise<Fault | undefined>;

/** Fails the nth call of one operation. */
export function failNthOf(operation: StoreOperation, nth: number, fault: Fault): StoreFaultPlan {
  let seen = 0;
  return (call) => {
    if (call.operation !== operation) return undefined;
    seen += 1;
    return seen === nth ? fault : undefined;
  };
}

/** Fails each call of the operations with the given probability, half before, half after. */
export function failSometimes(options: {
  random: Random;
  probability: number;
  operations?: readonly StoreOperation[];
}): StoreFaultPlan {
  return ({ operation }) => {
    const drawn = options.random.bytes(4).readUInt32BE() / 2 ** 32;
    if (options.operations && !options.operations.includes(operation)) return undefined;
    if (drawn >= options.probability) return undefined;
    return drawn < options.probability / 2 ? 'before' : 'after';
  };
}

/** A store whose calls fail with STORE_TRANSIENT by plan. */
export function faultyStore(store: Store, plan: StoreFaultPlan): Store {
  let calls = 0;
  const lost = (operation: string, key: string) =>
    new HoldfastError('STORE_TRANSIENT', { operation, key, reason: 'injected fault' });
  const run = async <T>(operation: StoreOperation, key: string, act: () => Promise<T>) => {
    calls += 1;
    const fault = await plan({ operation, key, number: calls });
    if (fault === 'before') throw lost(operation, key);
    const result = await act();
    if (fault === 'after') throw lost(operation, key);
    return result;
  };
  return {
    location: store.location,
    put: (key, body) => run('put', key, () => store.put(key, body)),
    get: (key, range) => run('get', key, () => store.get(key, range)),
    stat: (key) => run('stat', key, () => store.stat(key)),
    remove: (key) => run('remove', key, () => store.remove(key)),
    read: (key) => run('read', key, () => store.read(key)),
    replace: (key, body, expected) => run('replace', key, () => store.replace(key, body, expected)),
    discard: (key, expected) => run('discard', key, () => store.discard(key, expected)),
    async *list(prefix) {
      calls += 1;
      const fault = await plan({ operation: 'list', key: prefix, number: calls });
      if (fault === 'before') throw lost('list', prefix);
      let listed = 0;
      for await (const object of store.list(prefix)) {
        if (fault === 'after' && listed > 0) throw lost('list', prefix);
        yield object;
        listed += 1;
      }
      if (fault === 'after') throw lost('list', prefix);
    },
  };
}
