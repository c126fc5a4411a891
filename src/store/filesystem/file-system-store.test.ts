import assert from 'node:assert/strict';
import fs from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import {
  errnoError,
  type FaultPlan,
  failNth,
  faultyFileSystem,
  killAt,
} from '../../../test/doubles/faulty-file-system.ts';
import { testHost } from '../../../test/doubles/host.ts';
import { powerLossFileSystem } from '../../../test/doubles/power-loss.ts';
import { listed, rejects, storeConformance } from '../../../test/store/conformance.ts';
import { isHoldfastError } from '../../errors/holdfast-error.ts';
import { createRoot, FileSystemStore } from './file-system-store.ts';

async function temporaryRoot(): Promise<{ root: string; cleanup: () => Promise<void> }> {
  const root = await fs.mkdtemp(path.join(os.tmpdir(), 'holdfast-store-'));
  return { root, cleanup: () => fs.rm(root, { recursive: true, force: true }) };
}

async function withRoot(run: (root: string) => Promise<void>): Promise<void> {
  const { root, cleanup } = await temporaryRoot();
  try {
    await run(root);
  } finally {
    await cleanup();
  }
}

const openPlain = (root: string) => new FileSystemStore({ root, host: testHost() });
function openFaulty(root: string, plan?: FaultPlan) {
  const { fs: faulty, calls } = faultyFileSystem(plan);
  return { store: new FileSystemStore({ root, host: testHost({ fs: faulty }) }), calls };
}

storeConformance('file system', async () => {
  const { root, cleanup } = await temporaryRoot();
  return { store: openPlain(root), cleanup };
});

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

test('every failing file call of put is an error, never success, and never absence', () =>
  withRoot(async (root) => {
    const { store, calls } = openFaulty(root);
    await store.put('dry/object', Buffer.from('x'));
    for (const { number, name } of calls) {
      const plan: FaultPlan = (call) =>
        call.number === number ? { error: errnoError('EIO'), effect: 'none' } : undefined;
      const key = `put-${number}/object`;
      const result = openFaulty(root, plan).store.put(key, Buffer.from('x'));
      if (name === 'unlink') await result;
      else if (name === 'stat') await rejects(result, 'STORE_UNAVAILABLE');
      else await rejects(result, 'STORE_TRANSIENT');
    }
  }));

test('a full disk is STORE_FULL and a forbidden one STORE_DENIED', () =>
  withRoot(async (root) => {
    const attempt = (name: string, errno: string) =>
      openFaulty(root, failNth(name, 1, errno)).store.put('x', Buffer.from('x'));
    await rejects(attempt('handle.write', 'ENOSPC'), 'STORE_FULL');
    await rejects(attempt('handle.sync', 'EDQUOT'), 'STORE_FULL');
    await rejects(attempt('handle.close', 'EDQUOT'), 'STORE_FULL');
    await rejects(attempt('open', 'EACCES'), 'STORE_DENIED');
    await rejects(attempt('open', 'EROFS'), 'STORE_DENIED');
    await rejects(attempt('link', 'EPERM'), 'STORE_UNSUITABLE');
    assert.deepEqual(await fs.readdir(root), []);
  }));

test('a failed directory sync fails the put, and the repetition syncs before it says exists', () =>
  withRoot(async (root) => {
    const syncs = (plan?: FaultPlan) => {
      const opened = openFaulty(root, plan);
      return {
        ...opened,
        of: (file: string) =>
          opened.calls.filter((call) => call.name === 'handle.sync' && call.path === file).length,
      };
    };
    // The second sync of put is the directory's.
    const first = syncs(failNth('handle.sync', 2, 'EIO'));
    await rejects(first.store.put('object', Buffer.from('x')), 'STORE_TRANSIENT');
    const second = syncs();
    await rejects(second.store.put('object', Buffer.from('x')), 'STORE_EXISTS');
    assert.equal(second.of(path.join(root, 'object')), 1);
    assert.equal(second.of(root), 1);
  }));

test('a directory made by another process is synced before an object in it is acknowledged', () =>
  withRoot(async (root) => {
    await fs.mkdir(path.join(root, 'a/b'), { recursive: true });
    const { store, calls } = openFaulty(root);
    await store.put('a/b/object', Buffer.from('x'));
    const synced = calls.filter(({ name }) => name === 'handle.sync').map((call) => call.path);
    for (const directory of [root, path.join(root, 'a'), path.join(root, 'a/b')]) {
      assert.ok(synced.includes(directory), directory);
    }
  }));

test('a missing root is unavailable, never an empty repository', () =>
  withRoot(async (root) => {
    const store = openPlain(path.join(root, 'not-mounted'));
    await rejects(store.get('repo.json'), 'STORE_UNAVAILABLE');
    await rejects(store.stat('repo.json'), 'STORE_UNAVAILABLE');
    await rejects(store.read('lease'), 'STORE_UNAVAILABLE');
    await rejects(store.remove('x'), 'STORE_UNAVAILABLE');
    await rejects(store.put('x', Buffer.from('x')), 'STORE_UNAVAILABLE');
    await rejects(store.replace('x', Buffer.from('x'), null), 'STORE_UNAVAILABLE');
    await rejects(listed(store, ''), 'STORE_UNAVAILABLE');
    assert.deepEqual(await fs.readdir(root), []);
  }));

test('a root on another device than before is unavailable', () =>
  withRoot(async (root) => {
    const { fs: real } = faultyFileSystem();
    let shift = 0;
    const promises = new Proxy(real.promises, {
      get: (target, name) =>
        name === 'stat'
          ? async (file: string) => {
              const found = await target.stat(file);
              if (file === root) found.dev += shift;
              return found;
            }
          : Reflect.get(target, name),
    });
    const store = new FileSystemStore({ root, host: testHost({ fs: { ...real, promises } }) });
    await store.put('x', Buffer.from('x'));
    shift = 1;
    await rejects(store.get('absent'), 'STORE_UNAVAILABLE');
    await rejects(listed(store, ''), 'STORE_UNAVAILABLE');
    await rejects(store.put('y', Buffer.from('y')), 'STORE_UNAVAILABLE');
    shift = 0;
    assert.deepEqual(await listed(store, ''), ['x']);
  }));

test('an unreadable directory is denied, never an empty list', () =>
  withRoot(async (root) => {
    await openPlain(root).put('packs/x', Buffer.from('x'));
    const { store } = openFaulty(root, failNth('readdir', 1, 'EACCES'));
    await rejects(listed(store, ''), 'STORE_DENIED');
  }));

test('a late writer whose number is free again does not win', () =>
  withRoot(async (root) => {
    const fast = openPlain(root);
    const first = await fast.replace('lease', Buffer.from('slow 1'), null);
    // The slow writer read version 1, and sleeps just before its link; meanwhile others write on.
    let asleep = true;
    const { fs: faulty } = faultyFileSystem();
    const promises = new Proxy(faulty.promises, {
      get: (target, name) =>
        name === 'link' && asleep
          ? async (from: string, to: string) => {
              asleep = false;
              let version = first;
              for (const body of ['2', '3', '4', '5']) {
                version = await fast.replace('lease', Buffer.from(body), version);
              }
              await target.link(from, to);
            }
          : Reflect.get(target, name),
    });
    const slow = new FileSystemStore({ root, host: testHost({ fs: { ...faulty, promises } }) });
    await rejects(slow.replace('lease', Buffer.from('slow 2'), first), 'STORE_CHANGED');
    assert.equal(String((await fast.read('lease'))?.body), '5');
  }));

test('stale temporary files are not listed, and go after a day', () =>
  withRoot(async (root) => {
    const store = openPlain(root);
    await store.put('a/x', Buffer.from('x'));
    const fresh = path.join(root, 'a/.tmp-fresh');
    const stale = path.join(root, 'a/.tmp-stale');
    await fs.writeFile(fresh, 'x');
    await fs.writeFile(stale, 'x');
    const before = Date.now() / 1000 - 25 * 3600;
    await fs.utimes(stale, before, before);
    assert.deepEqual(await listed(store, ''), ['a/x']);
    assert.deepEqual((await fs.readdir(path.join(root, 'a'))).sort(), ['.tmp-fresh', 'x']);
  }));

test('a discarded object is forgotten after a day', () =>
  withRoot(async (root) => {
    const store = openPlain(root);
    await store.discard('sessions/a', await store.replace('sessions/a', Buffer.from('x'), null));
    assert.deepEqual(await listed(store, ''), []);
    assert.deepEqual(await fs.readdir(path.join(root, 'sessions')), ['a.v']);
    const host = testHost();
    const later = { ...host, clock: { ...host.clock, now: () => Date.now() + 25 * 3600 * 1000 } };
    assert.deepEqual(await listed(new FileSystemStore({ root, host: later }), ''), []);
    assert.deepEqual(await fs.readdir(path.join(root, 'sessions')), []);
    await store.replace('sessions/a', Buffer.from('again'), null);
  }));

test('foreign names in the directory are not objects', () =>
  withRoot(async (root) => {
    await fs.mkdir(path.join(root, 'lost+found'));
    await fs.writeFile(path.join(root, 'a note (read me)'), '');
    assert.deepEqual(await listed(openPlain(root), ''), []);
  }));

test('a key that leaves the root is refused', () =>
  withRoot(async (root) => {
    const store = openPlain(root);
    for (const key of ['../x', '/x', 'a//b', '', 'a/.', 'a/.tmp-x', 'x.v', 'a\0', 'ü']) {
      await rejects(store.get(key), 'INTERNAL');
      await rejects(store.put(key, Buffer.from('x')), 'INTERNAL');
    }
    await rejects(listed(store, '../'), 'INTERNAL');
  }));

test('createRoot makes missing parents durably and keeps what is there', () =>
  withRoot(async (root) => {
    const { fs: faulty, calls } = faultyFileSystem();
    const deep = path.join(root, 'a/b');
    await createRoot({ root: deep, host: testHost({ fs: faulty }) });
    const synced = calls.filter(({ name }) => name === 'handle.sync').map((call) => call.path);
    assert.deepEqual(synced, [root, path.join(root, 'a')]);
    await openPlain(deep).put('x', Buffer.from('x'));
    await createRoot({ root: deep, host: testHost() });
    assert.deepEqual(await listed(openPlain(deep), ''), ['x']);
  }));
