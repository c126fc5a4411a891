import assert from 'node:assert/strict';
import fs from 'node:fs/promises';
import path from 'node:path';
import { test } from 'node:test';
import { killAt } from '../../../test/doubles/faulty-file-system.ts';
import { testHost } from '../../../test/doubles/host.ts';
import { powerLossFileSystem } from '../../../test/doubles/power-loss.ts';
import { listed } from '../../../test/store/conformance.ts';
import { openFaulty, openPlain, withRoot } from '../../../test/store/file-system-root.ts';
import { isHoldfastError } from '../../errors/holdfast-error.ts';
import { FileSystemStore } from './file-system-store.ts';

test('a kill at any file call of put leaves the object absent or whole', () =>
  withRoot(async (root) => {
    const body = [Buffer.alloc(70_000, 'a'), Buffer.from('end')];
    const { store, calls } = openFaulty(root);
    await store.put('dry/run/object', body);
    assert.ok(calls.length > 10);
    for (const effect of ['none', 'full'] as const) {
      for (let nth = 1; nth <= calls.length + 1; nth += 1) {
        const key = `${effect}-${nth}/deep/object`;
        const acknowledged = await openFaulty(root, killAt(nth, effect))
          .store.put(key, body)
          .then(() => true)
          .catch(() => false);
        const after = openPlain(root);
        const found = await after.get(key).catch((error: unknown) => {
          assert.ok(isHoldfastError(error, 'STORE_ABSENT'), String(error));
          return null;
        });
        if (found) assert.ok(found.equals(Buffer.concat(body)), `${key} is torn`);
        if (acknowledged) assert.ok(found, `${key} was acknowledged and is absent`);
        // And it can be repeated.
        if (!found) await after.put(key, body);
        assert.deepEqual(await listed(after, `${effect}-${nth}/`), [key]);
      }
    }
  }));

test('a kill at any file call of replace leaves the old or the new object', () =>
  withRoot(async (root) => {
    const setUp = async (key: string) => {
      const store = openPlain(root);
      let version: string | null = null;
      for (const body of ['1', '2', '3']) {
        version = await store.replace(key, Buffer.from(body), version);
      }
      return version;
    };
    const dry = openFaulty(root);
    await dry.store.replace('dry', Buffer.from('4'), await setUp('dry'));
    for (const effect of ['none', 'full'] as const) {
      for (let nth = 1; nth <= dry.calls.length + 1; nth += 1) {
        const key = `${effect}-${nth}`;
        const version = await setUp(key);
        const { store } = openFaulty(root, killAt(nth, effect));
        const acknowledged = await store.replace(key, Buffer.from('4'), version).catch(() => null);
        const found = await openPlain(root).read(key);
        assert.ok(found && ['3', '4'].includes(String(found.body)), key);
        if (acknowledged) assert.equal(found.version, acknowledged);
      }
    }
  }));

/** Runs `act` with a kill before or after each of its file calls, then takes the power away. */
async function atEveryPowerLoss(options: {
  prepare: (root: string) => Promise<void>;
  trusted: boolean;
  act: (store: FileSystemStore) => Promise<unknown>;
  check: (after: FileSystemStore, acknowledged: boolean, where: string) => Promise<void>;
}): Promise<void> {
  let last = Number.POSITIVE_INFINITY;
  for (let nth = 1; nth <= last; nth += 1) {
    for (const effect of ['none', 'full'] as const) {
      await withRoot(async (root) => {
        await options.prepare(root);
        const { trusted } = options;
        const disk = await powerLossFileSystem({ root, trusted, plan: killAt(nth, effect) });
        const store = new FileSystemStore({ root, host: testHost({ fs: disk.fs }) });
        const acknowledged = await options.act(store).then(
          () => true,
          () => false,
        );
        if (disk.calls.length < nth) last = nth;
        await disk.losePower();
        const { name } = disk.calls.at(-1) ?? { name: 'nothing' };
        await options.check(openPlain(root), acknowledged, `${effect} of call ${nth}, ${name}`);
      });
    }
  }
}

test('after a power loss at any file call of put an acknowledged object is there and whole', async () => {
  const body = Buffer.alloc(70_000, 'a');
  for (const trusted of [true, false]) {
    await atEveryPowerLoss({
      trusted,
      // A directory that another process made: durable only if that process got so far.
      prepare: async (root) => {
        await fs.mkdir(path.join(root, 'a/b'), { recursive: true });
      },
      act: (store) => store.put('a/b/c/object', body),
      check: async (after, acknowledged, where) => {
        const found = await after.get('a/b/c/object').catch((error: unknown) => {
          assert.ok(isHoldfastError(error, 'STORE_ABSENT'), String(error));
          return null;
        });
        if (found) assert.ok(found.equals(body), `torn: ${where}`);
        if (acknowledged) assert.ok(found, `lost: ${where}`);
      },
    });
  }
});

test('after a power loss an object that was said to exist is there', async () => {
  await atEveryPowerLoss({
    trusted: false,
    prepare: (root) => openPlain(root).put('a/object', Buffer.from('x')),
    act: async (store) => {
      const error = await store
        .put('a/object', Buffer.from('x'))
        .catch((caught: unknown) => caught);
      if (!isHoldfastError(error, 'STORE_EXISTS')) throw error;
    },
    check: async (after, acknowledged, where) => {
      if (acknowledged) assert.equal(String(await after.get('a/object')), 'x', where);
    },
  });
});

test('after a power loss at any file call of replace the object is the old or the new one', async () => {
  await atEveryPowerLoss({
    trusted: true,
    prepare: async (root) => {
      const store = openPlain(root);
      const first = await store.replace('lease', Buffer.from('1'), null);
      await store.replace('lease', Buffer.from('2'), first);
    },
    act: async (store) => store.replace('lease', Buffer.from('3'), '0000000002'),
    check: async (after, acknowledged, where) => {
      const found = String((await after.read('lease'))?.body);
      assert.ok(acknowledged ? found === '3' : ['2', '3'].includes(found), `${found}: ${where}`);
    },
  });
});
