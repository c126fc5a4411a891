import assert from 'node:assert/strict';
import type * as nodeFs from 'node:fs/promises';
import fs from 'node:fs/promises';
import path from 'node:path';
import { test } from 'node:test';
import {
  errnoError,
  type FaultPlan,
  failNth,
  faultyFileSystem,
} from '../../../test/doubles/faulty-file-system.ts';
import { testHost } from '../../../test/doubles/host.ts';
import { listed, rejects, storeConformance } from '../../../test/store/conformance.ts';
import {
  openFaulty,
  openPlain,
  temporaryRoot,
  withRoot,
} from '../../../test/store/file-system-root.ts';
import { isHoldfastError } from '../../errors/holdfast-error.ts';
import type { FileSystem } from '../../host/file-system.ts';
import { machine } from '../../host/host.ts';
import { createRoot, FileSystemStore } from './file-system-store.ts';

storeConformance('file system', async () => {
  const { root, cleanup } = await temporaryRoot();
  return { store: openPlain(root), cleanup };
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

test('a root below a closed directory is denied, with what to do, never unavailable', async (context) => {
  if (process.getuid?.() !== 0) return context.skip('only root can become another user');
  await withRoot(async (root) => {
    await fs.mkdir(path.join(root, 'closed', 'repository'), { recursive: true });
    await fs.chmod(path.join(root, 'closed'), 0o700);
    const store = openPlain(path.join(root, 'closed', 'repository'));
    process.seteuid?.(65534);
    try {
      for (const attempt of [() => store.get('x'), () => listed(store, '')]) {
        await assert.rejects(attempt(), (error) => {
          assert.ok(isHoldfastError(error, 'STORE_ROOT_DENIED'), String(error));
          assert.equal(error.kind, 'denied');
          assert.match(error.hint, new RegExp(`namei -l ${root}/closed/repository`));
          return true;
        });
      }
    } finally {
      process.seteuid?.(0);
    }
  });
});

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

// Research §4.3 #5: a read gave less than was asked for, and the rest was taken for the next block.
test('an object is read whole however little each read gives, and a shrinking one is no object', () =>
  withRoot(async (root) => {
    const body = Buffer.from(Array.from({ length: 257 }, (_, index) => index % 251));
    await openPlain(root).put('packs/x', body);
    for (const most of [1, 2, 7, 128, 256, 257, 1000]) {
      const store = new FileSystemStore({ root, host: testHost({ fs: readingAtMost(most) }) });
      assert.deepEqual(await store.get('packs/x'), body, `${most} bytes at once`);
      const part = await store.get('packs/x', { start: 100, end: 230 });
      assert.deepEqual(part, body.subarray(100, 230), `${most} bytes at once`);
    }
    const shrunk = new FileSystemStore({ root, host: testHost({ fs: readingAtMost(0) }) });
    await rejects(shrunk.get('packs/x'), 'STORE_TRANSIENT');
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

/** The real file system, whose reads give at most so many bytes. */
function readingAtMost(most: number): FileSystem {
  const short = (handle: nodeFs.FileHandle) =>
    new Proxy(handle, {
      get: (target, name) => {
        if (name === 'read') {
          return (buffer: Buffer, offset: number, length: number, position: number) =>
            target.read(buffer, offset, Math.min(length, most), position);
        }
        const member = Reflect.get(target, name);
        return typeof member === 'function' ? member.bind(target) : member;
      },
    });
  const promises = new Proxy(machine.fs.promises, {
    get: (target, name) =>
      name === 'open'
        ? async (file: string, flags: string) => short(await target.open(file, flags))
        : Reflect.get(target, name),
  });
  return { ...machine.fs, promises };
}
