import assert from 'node:assert/strict';
import { test } from 'node:test';
import { faultyStore, type StoreFaultPlan } from '../../../test/doubles/faulty-store.ts';
import { testHost } from '../../../test/doubles/host.ts';
import { type ManualClock, manualClock } from '../../../test/doubles/manual-clock.ts';
import { temporaryRepository } from '../../../test/doubles/temporary-repository.ts';
import { rejects } from '../../../test/store/conformance.ts';
import { isHoldfastError } from '../../errors/holdfast-error.ts';
import type { Repository } from '../repository.ts';
import { Lease } from './lease.ts';
import { readLease } from './lease-object.ts';
import { leasedStore } from './leased-store.ts';

const LINEAGE = 'ab'.repeat(16);
const TTL = 60_000;

interface Machine {
  readonly clock: ManualClock;
  readonly repository: Repository;
  /** What the machine's calls of the store meet from now on. */
  plan: StoreFaultPlan;
}

/** Machines with clocks of their own on one repository. */
async function machines(count: number) {
  const shared = await temporaryRepository();
  const all: Machine[] = [];
  for (let index = 0; index < count; index += 1) {
    // Wall clocks an hour apart.
    const clock = manualClock(Date.UTC(2026, 0, 1, index));
    const made: Machine = {
      clock,
      plan: () => undefined,
      repository: {
        ...shared.repository,
        host: testHost({ clock }),
        store: clock.watch(faultyStore(shared.place.store, (call) => made.plan(call))),
      },
    };
    all.push(made);
  }
  const advance = async (ms: number) => {
    // In steps, so that no machine is far ahead of another.
    for (let left = ms; left > 0; left -= 1000) {
      for (const { clock } of all) await clock.advance(Math.min(left, 1000));
    }
  };
  return {
    all,
    advance,
    [Symbol.asyncDispose]: () => shared[Symbol.asyncDispose](),
  };
}

const acquire = (machine: Machine, holder: string, more = {}) =>
  Lease.acquire({
    repository: machine.repository,
    lineage: LINEAGE,
    role: 'snapshots',
    holder,
    ttlMs: TTL,
    ...more,
  });

function guardCode(lease: Lease): string {
  try {
    lease.guard();
    return 'passes';
  } catch (error) {
    return isHoldfastError(error) ? error.code : String(error);
  }
}

/** A promise whose outcome can be asked for. */
function watched<T>(promise: Promise<T>) {
  const state: { outcome: 'pending' | 'done' | 'failed'; value?: T; error?: unknown } = {
    outcome: 'pending',
  };
  promise.then(
    (value) => Object.assign(state, { outcome: 'done', value }),
    (error) => Object.assign(state, { outcome: 'failed', error }),
  );
  return state;
}

test('a free lease is generation 1, a released one the next at once', async () => {
  await using room = await machines(2);
  const [one, two] = room.all as [Machine, Machine];
  const first = await acquire(one, 'one');
  assert.equal(first.generation, 1);
  await first.release();
  assert.equal(guardCode(first), 'INTERNAL');
  const second = await acquire(two, 'two');
  assert.equal(second.generation, 2);
  await second.release();
});

test('a generation is always greater than that of the newest commit', async () => {
  await using room = await machines(1);
  const [one] = room.all as [Machine];
  assert.equal((await acquire(one, 'one', { after: 41 })).generation, 42);
});

// Trap 16: by observation, never by timestamps.
test('a live holder keeps a second writer out, however their wall clocks differ', async () => {
  await using room = await machines(2);
  const [one, two] = room.all as [Machine, Machine];
  const lease = await acquire(one, 'one');
  lease.keepAlive();
  two.clock.skew(10 * 24 * 3600 * 1000);
  let waiting = '';
  const second = watched(
    acquire(two, 'two', { onWaiting: ({ holder }: { holder: string }) => (waiting = holder) }),
  );
  await room.advance(TTL);
  assert.equal(waiting, 'one');
  assert.equal(second.outcome, 'failed');
  assert.ok(isHoldfastError(second.error, 'CAPTURE_SECOND_WRITER'));
  assert.match(second.error.message, /snapshots held by one/);
  assert.equal(guardCode(lease), 'passes');
  await lease.release();
});

test('a dead holder is replaced after one TTL of watching, not before', async () => {
  await using room = await machines(2);
  const [one, two] = room.all as [Machine, Machine];
  await acquire(one, 'one');
  await room.advance(10 * TTL);
  const second = watched(acquire(two, 'two'));
  await room.advance(TTL - 1000);
  assert.equal(second.outcome, 'pending');
  await room.advance(2000);
  assert.equal(second.outcome, 'done');
  assert.equal(second.value?.generation, 2);
});

test('writing stops at two thirds of the TTL, before any other can have the lease', async () => {
  await using room = await machines(2);
  const [one, two] = room.all as [Machine, Machine];
  const lease = await acquire(one, 'one');
  const second = watched(acquire(two, 'two'));
  await room.advance((TTL * 2) / 3 - 1000);
  assert.equal(guardCode(lease), 'passes');
  await room.advance(1000);
  assert.equal(guardCode(lease), 'LEASE_PAUSED');
  assert.equal(second.outcome, 'pending');
  await room.advance(TTL / 3 + 1000);
  assert.equal(second.outcome, 'done');
  await rejects(lease.renew(), 'LEASE_LOST');
  assert.equal(guardCode(lease), 'LEASE_LOST');
  await rejects(lease.ready(), 'LEASE_LOST');
});

// Trap 16.
test('a 50 s blip of the store pauses a run and does not kill it', async () => {
  await using room = await machines(1);
  const [one] = room.all as [Machine];
  const lease = await acquire(one, 'one');
  lease.keepAlive();
  await room.advance(5 * TTL);
  assert.equal(guardCode(lease), 'passes');
  one.plan = () => 'before';
  await room.advance(50_000);
  assert.equal(guardCode(lease), 'LEASE_PAUSED');
  const ready = watched(lease.ready());
  await room.advance(1000);
  assert.equal(ready.outcome, 'pending');
  one.plan = () => undefined;
  await room.advance(TTL / 6);
  assert.equal(ready.outcome, 'done');
  assert.equal(guardCode(lease), 'passes');
  await lease.release();
});

test('a holder away for an hour goes on when nobody took over', async () => {
  await using room = await machines(1);
  const [one] = room.all as [Machine];
  const lease = await acquire(one, 'one');
  await room.advance(60 * TTL);
  assert.equal(guardCode(lease), 'LEASE_PAUSED');
  await lease.ready();
  assert.equal(guardCode(lease), 'passes');
});

test('a suspended machine, its monotonic clock standing still, does not write on', async () => {
  await using room = await machines(1);
  const [one] = room.all as [Machine];
  const lease = await acquire(one, 'one');
  one.clock.skew(3600 * 1000);
  assert.equal(guardCode(lease), 'LEASE_PAUSED');
  await lease.ready();
  one.clock.skew(-2 * 3600 * 1000);
  assert.equal(guardCode(lease), 'passes');
});

test('a lease that aged although it was renewed does not say that nobody tried', async () => {
  await using room = await machines(1);
  const [one] = room.all as [Machine];
  const lease = await acquire(one, 'one');
  await lease.renew();
  one.clock.skew(TTL);
  assert.throws(() => lease.guard(), /no renewal came back in time/);
});

test('renewals whose responses were lost are the holder’s own', async () => {
  await using room = await machines(1);
  const [one] = room.all as [Machine];
  const lease = await acquire(one, 'one');
  one.plan = ({ operation }) => (operation === 'replace' ? 'after' : undefined);
  await rejects(lease.renew({ position: 1 }), 'STORE_TRANSIENT');
  await rejects(lease.renew({ position: 2 }), 'STORE_TRANSIENT');
  one.plan = () => undefined;
  await lease.renew({ position: 3 });
  assert.equal(guardCode(lease), 'passes');
  const seen = await readLease({ ...one, lineage: LINEAGE, role: 'snapshots' });
  assert.deepEqual(seen?.payload, { position: 3 });
});

test('a late renewal of a former holder changes nothing', async () => {
  await using room = await machines(2);
  const [one, two] = room.all as [Machine, Machine];
  const former = await acquire(one, 'one');
  const second = watched(acquire(two, 'two'));
  await room.advance(TTL + 1000);
  assert.equal(second.outcome, 'done');
  await rejects(former.renew({ position: 'late' }), 'LEASE_LOST');
  await former.release();
  const seen = await readLease({ ...two, lineage: LINEAGE, role: 'snapshots' });
  assert.equal(seen?.holder, 'two');
  assert.equal(seen?.state, 'held');
  await second.value?.renew();
  assert.equal(second.value?.state, 'held');
});

test('of many that want a stale lease exactly one gets it', async () => {
  await using room = await machines(4);
  const [dead, ...rest] = room.all as [Machine, ...Machine[]];
  await acquire(dead, 'dead');
  const attempts = rest.map((machine, index) => watched(acquire(machine, `heir ${index}`)));
  await room.advance(TTL + 2000);
  const winners = attempts.filter(({ outcome }) => outcome === 'done');
  assert.equal(winners.length, 1);
  winners[0]?.value?.keepAlive();
  await room.advance(TTL);
  const losers = attempts.filter(({ outcome }) => outcome === 'failed');
  assert.equal(losers.length, 2);
  for (const { error } of losers) assert.ok(isHoldfastError(error, 'CAPTURE_SECOND_WRITER'));
  await winners[0]?.value?.release();
});

test('the payload is published with a renewal and kept by the next', async () => {
  await using room = await machines(1);
  const [one] = room.all as [Machine];
  const lease = await acquire(one, 'one', { payload: { position: 'a' } });
  assert.deepEqual(lease.payload, { position: 'a' });
  await lease.renew({ position: 'b' });
  await lease.renew();
  await lease.release();
  const seen = await readLease({ ...one, lineage: LINEAGE, role: 'snapshots' });
  assert.deepEqual(seen?.payload, { position: 'b' });
  assert.equal(seen?.state, 'released');
});

test('roles and lineages are separate leases', async () => {
  await using room = await machines(1);
  const [one] = room.all as [Machine];
  await acquire(one, 'backup');
  await acquire(one, 'follower', { role: 'log' });
  await acquire(one, 'other', { lineage: 'cd'.repeat(16) });
});

test('waiting for a lease ends with the signal', async () => {
  await using room = await machines(2);
  const [one, two] = room.all as [Machine, Machine];
  await acquire(one, 'one');
  const abort = new AbortController();
  const second = watched(acquire(two, 'two', { signal: abort.signal }));
  await room.advance(1000);
  abort.abort(new Error('stopped'));
  await room.advance(1000);
  assert.equal(second.outcome, 'failed');
  assert.match(String(second.error), /stopped/);
});

test('a lease object moved to another lineage does not open', async () => {
  await using room = await machines(1);
  const [one] = room.all as [Machine];
  await acquire(one, 'one');
  const { store } = one.repository;
  const found = await store.read(`lineages/${LINEAGE}/leases/snapshots.json`);
  assert.ok(found);
  await store.replace(`lineages/${LINEAGE}/leases/log.json`, found.body, null);
  await rejects(readLease({ ...one, lineage: LINEAGE, role: 'log' }), 'SEALED_CORRUPT');
});

test('a put under a lease outlives a blip, and is written once', async () => {
  await using room = await machines(1);
  const [one] = room.all as [Machine];
  const lease = await acquire(one, 'one');
  lease.keepAlive();
  const { store, host } = one.repository;
  const leased = leasedStore({ store, host, lease });
  one.plan = ({ operation }) => (operation === 'put' ? 'after' : 'before');
  const put = watched(leased.put('packs/aa/x', Buffer.from('x')));
  await room.advance(2 * TTL);
  assert.equal(put.outcome, 'pending');
  one.plan = () => undefined;
  await room.advance(TTL / 2);
  assert.equal(put.outcome, 'done');
  assert.equal(String(await store.get('packs/aa/x')), 'x');
  await lease.release();
});

test('a put under a lease gives up after a quarter of an hour without the store', async () => {
  await using room = await machines(1);
  const [one] = room.all as [Machine];
  const lease = await acquire(one, 'one');
  lease.keepAlive();
  const { store, host } = one.repository;
  const leased = leasedStore({ store, host, lease });
  one.plan = () => 'before';
  const put = watched(leased.put('packs/aa/x', Buffer.from('x')));
  await room.advance(14 * 60_000);
  assert.equal(put.outcome, 'pending');
  await room.advance(3 * 60_000);
  assert.equal(put.outcome, 'failed');
  assert.ok(isHoldfastError(put.error, 'LEASE_PAUSED'));
  one.plan = () => undefined;
  await lease.release();
});

test('a put under a lease that another took over is not sent', async () => {
  await using room = await machines(2);
  const [one, two] = room.all as [Machine, Machine];
  const lease = await acquire(one, 'one');
  const second = watched(acquire(two, 'two'));
  await room.advance(TTL + 1000);
  assert.equal(second.outcome, 'done');
  const { store, host } = one.repository;
  const leased = leasedStore({ store, host, lease });
  await rejects(leased.put('packs/aa/x', Buffer.from('x')), 'LEASE_LOST');
  await rejects(store.get('packs/aa/x'), 'STORE_ABSENT');
});
