import assert from 'node:assert/strict';
import { test } from 'node:test';
import { faultyStore } from '../../test/doubles/faulty-store.ts';
import { testHost } from '../../test/doubles/host.ts';
import { temporaryStore } from '../../test/doubles/temporary-store.ts';
import { unconditionalStore } from '../../test/doubles/unconditional-store.ts';
import { listed, rejects, storeConformance } from '../../test/store/conformance.ts';
import { probeStore } from './probe.ts';

storeConformance(
  'no conditional writes',
  async () => ({ store: unconditionalStore(), cleanup: async () => undefined }),
  { conditional: false },
);

test('the probe believes a directory and leaves nothing in it', async () => {
  await using place = await temporaryStore();
  assert.deepEqual(await probeStore({ store: place.store, host: testHost() }), {
    conditionalCreate: true,
    compareAndSwap: true,
  });
  assert.deepEqual(await listed(place.store, ''), []);
});

test('the probe finds out a store that ignores conditions', async () => {
  const store = unconditionalStore();
  assert.deepEqual(await probeStore({ store, host: testHost() }), {
    conditionalCreate: false,
    compareAndSwap: false,
  });
});

test('the probe tells half a capability: create-only without compare-and-swap', async () => {
  await using place = await temporaryStore();
  const poor = unconditionalStore();
  const { read, replace, discard } = poor;
  const store = { ...poor, put: place.store.put.bind(place.store), read, replace, discard };
  store.get = place.store.get.bind(place.store);
  assert.deepEqual(await probeStore({ store, host: testHost() }), {
    conditionalCreate: true,
    compareAndSwap: false,
  });
});

test('a store that fails is an error of the probe, not a missing capability', async () => {
  await using place = await temporaryStore();
  for (const number of [1, 2, 3, 5, 6, 7, 8]) {
    const store = faultyStore(place.store, (call) =>
      call.number === number ? 'before' : undefined,
    );
    await rejects(probeStore({ store, host: testHost() }), 'STORE_TRANSIENT');
  }
});
