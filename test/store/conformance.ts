import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isHoldfastError } from '../../src/errors/holdfast-error.ts';
import type { Store } from '../../src/store/store.ts';

export interface StoreFixture {
  readonly store: Store;
  cleanup(): PromiseLike<void>;
}

/** Registers the tests of the Store contract. `conditional: false` leaves out what such a store lacks. */
export function storeConformance(
  name: string,
  open: () => Promise<StoreFixture>,
  options: { conditional: boolean } = { conditional: true },
): void {
  const check = (title: string, run: (store: Store) => Promise<void>) =>
    test(`${name}: ${title}`, async () => {
      const { store, cleanup } = await open();
      try {
        await run(store);
      } finally {
        await cleanup();
      }
    });
  const checkConditional = options.conditional ? check : () => undefined;

  check('put then get answers the bytes, of one part or many, empty too', async (store) => {
    await store.put('a/one', Buffer.from('whole'));
    await store.put('a/many', [Buffer.from('pa'), Buffer.alloc(0), Buffer.from('rts')]);
    await store.put('a/empty', []);
    assert.equal(String(await store.get('a/one')), 'whole');
    assert.equal(String(await store.get('a/many')), 'parts');
    assert.equal((await store.get('a/empty')).length, 0);
  });

  check('a range is half-open and is cut at the end', async (store) => {
    await store.put('r', Buffer.from('0123456789'));
    const range = async (start: number, end: number) =>
      String(await store.get('r', { start, end }));
    assert.equal(await range(2, 5), '234');
    assert.equal(await range(0, 10), '0123456789');
    assert.equal(await range(8, 99), '89');
    assert.equal(await range(10, 12), '');
    assert.equal(await range(50, 60), '');
  });

  check('an absent object is STORE_ABSENT for get and stat, null for read', async (store) => {
    await store.put('present', Buffer.from('x'));
    await rejects(store.get('absent'), 'STORE_ABSENT');
    await rejects(store.get('no/such/place'), 'STORE_ABSENT');
    await rejects(store.get('present/below'), 'STORE_ABSENT');
    await rejects(store.stat('absent'), 'STORE_ABSENT');
    assert.equal(await store.read('absent'), null);
  });

  check('stat tells the size and a time', async (store) => {
    await store.put('s/x', Buffer.alloc(1234));
    const found = await store.stat('s/x');
    assert.equal(found.key, 's/x');
    assert.equal(found.size, 1234);
    assert.ok(found.modified > 0);
  });

  check('remove removes, and absent is success', async (store) => {
    await store.put('gone/x', Buffer.from('x'));
    await store.remove('gone/x');
    await rejects(store.get('gone/x'), 'STORE_ABSENT');
    await store.remove('gone/x');
    await store.remove('never/was');
    await store.put('gone/x', Buffer.from('again'));
    assert.equal(String(await store.get('gone/x')), 'again');
  });

  check('list answers every key of a prefix once, in key order', async (store) => {
    const keys = ['a-b/1', 'a.x', 'a/b/c', 'a/b0', 'a0', 'ab', 'b/1', 'b/10', 'b/2'];
    for (const key of [...keys].reverse()) await store.put(key, Buffer.from(key));
    await store.replace('a/b.json', Buffer.from('mutable'), null);
    const all = [...keys, 'a/b.json'].sort();
    assert.deepEqual(await listed(store, ''), all);
    for (const prefix of ['a', 'a/', 'a/b', 'a/b/', 'b/1', 'b', 'zz', 'zz/']) {
      const expected = all.filter((key) => key.startsWith(prefix));
      assert.deepEqual(await listed(store, prefix), expected, prefix);
    }
  });

  check('a mutable object is read back with its version', async (store) => {
    const first = await store.replace('m.json', Buffer.from('one'), null);
    const read = await store.read('m.json');
    assert.equal(String(read?.body), 'one');
    assert.equal(read?.version, first);
    const second = await store.replace('m.json', Buffer.from('two'), first);
    assert.notEqual(second, first);
    assert.equal(String((await store.read('m.json'))?.body), 'two');
  });

  checkConditional('put never overwrites', async (store) => {
    await store.put('once', Buffer.from('first'));
    await rejects(store.put('once', Buffer.from('second')), 'STORE_EXISTS');
    await rejects(store.put('once', Buffer.from('first')), 'STORE_EXISTS');
    assert.equal(String(await store.get('once')), 'first');
  });

  checkConditional('of many puts of one key exactly one succeeds', async (store) => {
    const writers = Array.from({ length: 8 }, (_, index) => `writer ${index}`);
    const results = await Promise.allSettled(
      writers.map((writer) => store.put('race', Buffer.from(writer))),
    );
    const winners = writers.filter((_, index) => results[index]?.status === 'fulfilled');
    assert.equal(winners.length, 1);
    assert.equal(String(await store.get('race')), winners[0]);
  });

  checkConditional('replace and discard refuse a stale version', async (store) => {
    const first = await store.replace('m', Buffer.from('1'), null);
    await rejects(store.replace('m', Buffer.from('x'), null), 'STORE_CHANGED');
    const second = await store.replace('m', Buffer.from('2'), first);
    await rejects(store.replace('m', Buffer.from('x'), first), 'STORE_CHANGED');
    await rejects(store.discard('m', first), 'STORE_CHANGED');
    assert.equal(String((await store.read('m'))?.body), '2');
    await store.discard('m', second);
    assert.equal(await store.read('m'), null);
    assert.deepEqual(await listed(store, 'm'), []);
    await rejects(store.replace('m', Buffer.from('x'), second), 'STORE_CHANGED');
    await rejects(store.discard('m', second), 'STORE_CHANGED');
  });

  checkConditional('a version never comes back after discard', async (store) => {
    const seen = new Set<string>();
    for (let round = 0; round < 4; round += 1) {
      const version = await store.replace('m', Buffer.from('same'), null);
      assert.ok(!seen.has(version));
      seen.add(version);
      await store.discard('m', version);
    }
  });

  checkConditional('of many replaces of one version exactly one succeeds', async (store) => {
    let version: string | null = null;
    for (let round = 0; round < 5; round += 1) {
      const results = await Promise.allSettled(
        Array.from({ length: 6 }, (_, writer) =>
          store.replace('race', Buffer.from(`${round}/${writer}`), version),
        ),
      );
      const won = results.filter((result) => result.status === 'fulfilled');
      assert.equal(won.length, 1);
      const read = await store.read('race');
      assert.equal(read?.version, won[0]?.value);
      version = read?.version ?? null;
    }
  });
}

export async function listed(store: Store, prefix: string): Promise<string[]> {
  const keys: string[] = [];
  for await (const { key } of store.list(prefix)) keys.push(key);
  return keys;
}

export async function rejects(promise: Promise<unknown>, code: string): Promise<void> {
  await assert.rejects(promise, (error: unknown) => {
    assert.ok(isHoldfastError(error), String(error));
    assert.equal(error.code, code, error.message);
    return true;
  });
}
