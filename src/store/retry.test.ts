import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  failNthOf,
  failSometimes,
  faultyStore,
  type StoreFaultPlan,
} from '../../test/doubles/faulty-store.ts';
import { seededRandom, testHost } from '../../test/doubles/host.ts';
import { temporaryStore } from '../../test/doubles/temporary-store.ts';
import { listed, rejects, storeConformance } from '../../test/store/conformance.ts';
import { HoldfastError } from '../errors/holdfast-error.ts';
import { machine } from '../host/host.ts';
import { RETRIES, retrying } from './retry.ts';
import type { Store } from './store.ts';

/** A host whose sleeps are noted and do not take time. */
function restlessHost(seed = 'retry') {
  const slept: number[] = [];
  const clock = {
    ...machine.clock,
    sleep: async (ms: number) => {
      slept.push(ms);
    },
  };
  return { slept, host: testHost({ clock, random: seededRandom(seed) }) };
}

function faultyRetrying(store: Store, plan: StoreFaultPlan) {
  const { host, slept } = restlessHost();
  return { slept, store: retrying({ store: faultyStore(store, plan), host }) };
}

storeConformance('retries over a store that often fails', async () => {
  const place = await temporaryStore();
  const { host } = restlessHost();
  const plan = failSometimes({
    random: seededRandom('conformance'),
    probability: 0.15,
  });
  const store = retrying({ store: faultyStore(place.store, plan), host });
  return { store, cleanup: () => place[Symbol.asyncDispose]() };
});

test('a lost response of put is success when the object is the same', async () => {
  await using place = await temporaryStore();
  const { store } = faultyRetrying(place.store, failNthOf('put', 1, 'after'));
  await store.put('x', [Buffer.from('on'), Buffer.from('e')]);
  assert.equal(String(await place.store.get('x')), 'one');
});

test('a lost request of put that finds other content is STORE_EXISTS', async () => {
  await using place = await temporaryStore();
  await place.store.put('x', Buffer.from('other'));
  const { store } = faultyRetrying(place.store, failNthOf('put', 1, 'before'));
  await rejects(store.put('x', Buffer.from('one')), 'STORE_EXISTS');
  await rejects(store.put('x', Buffer.from('othe')), 'STORE_EXISTS');
});

test('a put that finds the same content at the first attempt is STORE_EXISTS', async () => {
  await using place = await temporaryStore();
  await place.store.put('x', Buffer.from('one'));
  const { store, slept } = faultyRetrying(place.store, () => undefined);
  await rejects(store.put('x', Buffer.from('one')), 'STORE_EXISTS');
  assert.deepEqual(slept, []);
});

test('a lost response of replace and of discard is success', async () => {
  await using place = await temporaryStore();
  const replaced = faultyRetrying(place.store, failNthOf('replace', 1, 'after')).store;
  const version = await replaced.replace('m', Buffer.from('1'), null);
  assert.equal((await place.store.read('m'))?.version, version);
  const discarded = faultyRetrying(place.store, failNthOf('discard', 1, 'after')).store;
  await discarded.discard('m', version);
  assert.equal(await place.store.read('m'), null);
});

test('a lost request of replace that another writer overtook is STORE_CHANGED', async () => {
  await using place = await temporaryStore();
  const overtaking: StoreFaultPlan = ({ operation, number }) =>
    operation === 'replace' && number === 1 ? 'before' : undefined;
  await place.store.replace('m', Buffer.from('other'), null);
  const { store } = faultyRetrying(place.store, overtaking);
  await rejects(store.replace('m', Buffer.from('mine'), null), 'STORE_CHANGED');
});

test('an interrupted list goes on where it stopped, each key once', async () => {
  await using place = await temporaryStore();
  const keys = ['a', 'b', 'c', 'd'];
  for (const key of keys) await place.store.put(key, Buffer.from(key));
  for (const fault of ['before', 'after'] as const) {
    const { store, slept } = faultyRetrying(place.store, failNthOf('list', 1, fault));
    assert.deepEqual(await listed(store, ''), keys);
    assert.equal(slept.length, 1);
  }
});

test('attempts end with the table, delays are within their jitter', async () => {
  await using place = await temporaryStore();
  const { store, slept } = faultyRetrying(place.store, () => 'before');
  await rejects(store.get('x'), 'STORE_TRANSIENT');
  const delays = RETRIES.STORE_TRANSIENT ?? [];
  assert.equal(slept.length, delays.length);
  for (const [index, delay] of delays.entries()) {
    const actual = slept[index] ?? 0;
    assert.ok(actual >= delay / 2 && actual < delay * 1.5, `${actual} for ${delay}`);
  }
});

test('absence, denial and a full disk are not repeated', async () => {
  await using place = await temporaryStore();
  for (const code of ['STORE_ABSENT', 'STORE_DENIED', 'STORE_FULL'] as const) {
    const { host, slept } = restlessHost();
    const failing: Store = Object.assign(Object.create(place.store), {
      get: async () => {
        throw new HoldfastError(code);
      },
    });
    await rejects(retrying({ store: failing, host }).get('x'), code);
    assert.deepEqual(slept, []);
  }
});
