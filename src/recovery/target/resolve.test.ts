import assert from 'node:assert/strict';
import test from 'node:test';
import { parseLsn } from '../../engines/postgres/lsn.ts';
import type { HoldfastError } from '../../errors/holdfast-error.ts';
import type { LogState } from '../log/log-state.ts';
import { resolveTarget } from './resolve.ts';
import type { Target } from './target.ts';
import {
  at,
  type Branch,
  began,
  commit,
  constructedState,
  point,
  SIZE,
  second,
  type Taken,
} from './testing/constructed-state.ts';

const resolve = (state: LogState, target: Target, timeline?: number) =>
  resolveTarget({ source: 'main', state, target, ...(timeline !== undefined && { timeline }) });
const time = (seconds: number): Target => ({ kind: 'time', time: second(seconds) });
const names = (resolution: { readonly segments: readonly { readonly name: string }[] }) =>
  resolution.segments.map(({ name }) => name);
const refusal =
  (code: string, ...words: readonly string[]) =>
  (error: HoldfastError) => {
    assert.equal(error.code, code);
    const said = `${error.message} ${error.hint}`;
    for (const word of words) assert.ok(said.includes(word), `"${said}" does not say ${word}`);
    return true;
  };

const A: Taken = { id: 'a1', start: at(1, 0x20), stop: at(1, 0x80), stopped: 100 };
const B: Taken = { id: 'b2', start: at(4, 0x20), stop: at(4, 0x80), stopped: 350 };
/** One commit a segment, at 200, 300, 400 and 500 seconds. */
const TRUNK: Branch = {
  held: { 1: SIZE, 2: SIZE, 3: SIZE, 4: SIZE, 5: 0x900 },
  events: [
    commit(2, 0x200, 200, 11),
    commit(3, 0x300, 300, 12),
    commit(4, 0x400, 400, 13),
    point(4, 0x600, 'before release'),
    commit(5, 0x500, 500, 14),
  ],
};
const trunk = () => constructedState({ branches: { 1: TRUNK }, snapshots: [A, B] });

/** Restored to 250 seconds, and promoted at 600; the old timeline went on to 500. */
const FORK = at(3, 0x100);
const CHILD: Branch = {
  fork: { from: 1, at: FORK },
  held: { 3: SIZE, 4: SIZE, 5: 0xa00 },
  events: [
    began(3, 2, 600),
    commit(4, 0x400, 700, 13),
    point(4, 0x600, 'on the child'),
    commit(5, 0x500, 800, 21),
  ],
};
const forked = () => constructedState({ branches: { 1: TRUNK, 2: CHILD }, snapshots: [A, B] });

test('a time takes the newest snapshot before it, and log up to the next commit', async () => {
  const state = await trunk();
  const early = await resolve(state, time(250));
  assert.deepEqual([early.snapshot.id, early.timeline], ['a1', 1]);
  assert.deepEqual(early.stop, time(250));
  assert.deepEqual(names(early), ['1/1', '1/2', '1/3']);
  const late = await resolve(state, time(450));
  assert.deepEqual([late.snapshot.id, names(late)], ['b2', ['1/4', '1/5']]);
  assert.deepEqual(late.notes, []);
});

test('a time after the last commit ends at the covered end, and says so', async () => {
  const state = await constructedState({
    branches: { 1: TRUNK },
    snapshots: [A],
    follower: { timeline: 1, lsn: at(5, 0x900), seconds: 560 },
  });
  const quiet = await resolve(state, time(550));
  assert.deepEqual(quiet.stop, { kind: 'end' });
  assert.equal(quiet.notes.length, 1);
  assert.match(quiet.notes[0]!, /No transaction ended after .*00:09:10.*covered end, 0\/500900/);
});

test('a time outside the window is refused, with the window', async () => {
  const state = await trunk();
  for (const outside of [99, 501]) {
    await assert.rejects(
      resolve(state, time(outside)),
      refusal('TARGET_OUTSIDE_WINDOW', '00:01:40', '00:08:20'),
    );
  }
});

// Trap 10.
test('a time between the moment restored to and the promotion is on the old timeline only', async () => {
  const state = await forked();
  const found = await resolve(state, time(450));
  assert.deepEqual([found.timeline, found.snapshot.id, names(found)], [1, 'b2', ['1/4', '1/5']]);
  assert.equal((await resolve(state, time(450), 1)).timeline, 1);
  // On the way to 2 there was no such moment: it would stop at the fork and say done.
  for (const lost of [300, 350, 450, 599]) {
    await assert.rejects(resolve(state, time(lost), 2), refusal('TARGET_OUTSIDE_WINDOW'));
  }
});

test('what both timelines share is reached on either', async () => {
  const state = await forked();
  for (const timeline of [1, 2]) {
    const shared = await resolve(state, time(299), timeline);
    assert.deepEqual([shared.snapshot.id, shared.stop], ['a1', time(299)]);
  }
  assert.equal((await resolve(state, time(299))).timeline, 1);
});

test('a time after the promotion is on the new timeline, reached through the fork', async () => {
  const found = await resolve(await forked(), time(750));
  assert.deepEqual([found.timeline, found.snapshot.id], [2, 'a1'], 'not b2, which lies beyond');
  assert.deepEqual(names(found), ['1/1', '1/2', '2/3', '2/4', '2/5']);
});

test('a time on two timelines is refused with the choices, and --timeline chooses', async () => {
  const alive: Branch = {
    ...TRUNK,
    events: [...(TRUNK.events ?? []), commit(5, 0x800, 900, 15)],
  };
  const state = await constructedState({ branches: { 1: alive, 2: CHILD }, snapshots: [A] });
  await assert.rejects(
    resolve(state, time(750)),
    refusal('TARGET_AMBIGUOUS', '1, 2', '--timeline 1 or --timeline 2'),
  );
  assert.deepEqual((await resolve(state, time(750), 1)).segments.at(-1)?.name, '1/5');
  assert.deepEqual((await resolve(state, time(750), 2)).segments.at(-1)?.name, '2/5');
  await assert.rejects(resolve(state, time(750), 3), refusal('TIMELINE_UNKNOWN'));
});

test('after a failover the time until the promotion belongs to both', async () => {
  const ended: Branch = { ...TRUNK, held: { 1: SIZE, 2: SIZE, 3: 0x100 } };
  const state = await constructedState({
    branches: { 1: { ...ended, events: [commit(2, 0x200, 200)] }, 2: CHILD },
    snapshots: [A],
  });
  for (const timeline of [undefined, 1, 2]) {
    const found = await resolve(state, time(400), timeline);
    assert.deepEqual([found.timeline, found.snapshot.id], [1, 'a1']);
  }
});

test('latest is the end of the highest timeline, or of the one that is chosen', async () => {
  const state = await forked();
  const latest = await resolve(state, { kind: 'latest' });
  assert.deepEqual(
    [latest.timeline, latest.stop, latest.coveredTo],
    [2, { kind: 'end' }, at(5, 0xa00)],
  );
  const old = await resolve(state, { kind: 'latest' }, 1);
  assert.deepEqual([old.timeline, old.snapshot.id, old.coveredTo], [1, 'b2', at(5, 0x900)]);
});

test('a position takes the newest snapshot before it, and one segment beyond', async () => {
  const state = await trunk();
  const target: Target = { kind: 'lsn', lsn: at(2, 0x150) };
  const found = await resolve(state, target);
  assert.deepEqual([found.snapshot.id, found.stop], ['a1', target]);
  assert.deepEqual(names(found), ['1/1', '1/2', '1/3']);
  const end = await resolve(state, { kind: 'lsn', lsn: at(5, 0x900) });
  assert.deepEqual(end.stop, { kind: 'end' }, 'no record begins there: PostgreSQL would fail');
  await assert.rejects(
    resolve(state, { kind: 'lsn', lsn: at(5, 0x901) }),
    refusal('TARGET_OUTSIDE_WINDOW'),
  );
});

test('a position after a fork is on both; where it forks, the chosen timeline has it', async () => {
  const state = await forked();
  const beyond: Target = { kind: 'lsn', lsn: at(4, 0x300) };
  await assert.rejects(resolve(state, beyond), refusal('TARGET_AMBIGUOUS', '--timeline 2'));
  assert.deepEqual(names(await resolve(state, beyond, 2)), ['1/1', '1/2', '2/3', '2/4', '2/5']);
  assert.equal((await resolve(state, { kind: 'lsn', lsn: FORK }, 2)).timeline, 2);
  assert.equal((await resolve(state, { kind: 'lsn', lsn: FORK }, 1)).timeline, 1);
});

test('a transaction is found by its id, wherever it ended', async () => {
  const found = await resolve(await trunk(), { kind: 'xid', xid: 12 });
  assert.deepEqual([found.snapshot.id, found.stop], ['a1', { kind: 'xid', xid: 12 }]);
  assert.deepEqual(names(found), ['1/1', '1/2', '1/3', '1/4']);
  await assert.rejects(
    resolve(await trunk(), { kind: 'xid', xid: 99 }),
    refusal('TARGET_NOT_FOUND', 'transaction 99'),
  );
});

// Both timelines go on counting where they part: the same id, at the same position.
test('a transaction id that two timelines used is refused with the choices', async () => {
  const state = await forked();
  const target: Target = { kind: 'xid', xid: 13 };
  await assert.rejects(
    resolve(state, target),
    refusal('TARGET_AMBIGUOUS', '--timeline 1 or --timeline 2'),
  );
  assert.equal((await resolve(state, target, 1)).timeline, 1);
  assert.equal((await resolve(state, target, 2)).timeline, 2);
  assert.equal((await resolve(state, { kind: 'xid', xid: 11 })).timeline, 1, 'shared: found once');
});

test('a restore point on another timeline than the chosen one is not found there', async () => {
  const state = await forked();
  const [old, young] = ['before release', 'on the child'].map(
    (name): Target => ({ kind: 'name', name }),
  );
  assert.equal((await resolve(state, old!)).timeline, 1);
  assert.equal((await resolve(state, young!)).timeline, 2);
  await assert.rejects(resolve(state, old!, 2), refusal('TARGET_NOT_FOUND', 'before release'));
  await assert.rejects(resolve(state, young!, 1), refusal('TARGET_NOT_FOUND', 'on the child'));
});

test('a restore point’s name used twice is refused with where each one is', async () => {
  const twice = { ...TRUNK, events: [point(2, 0x140, 'again'), point(3, 0x140, 'again')] };
  const state = await constructedState({ branches: { 1: twice }, snapshots: [A] });
  const target: Target = { kind: 'name', name: 'again' };
  // Where the record begins: told its end, PostgreSQL would replay one record more.
  await assert.rejects(
    resolve(state, target),
    refusal('TARGET_REPEATED', '"again"', '--lsn 0/200120 or --lsn 0/300120'),
  );
});

test('a copy of the parent’s log in the child’s first segment is not a second place', async () => {
  const copied = { ...CHILD, events: [...(CHILD.events ?? []), point(3, 0x90, 'shared')] };
  const own = { ...TRUNK, events: [...(TRUNK.events ?? []), point(3, 0x90, 'shared')] };
  const state = await constructedState({ branches: { 1: own, 2: copied }, snapshots: [A] });
  const found = await resolve(state, { kind: 'name', name: 'shared' });
  assert.equal(found.timeline, 1);
  assert.equal((await resolve(state, { kind: 'name', name: 'shared' }, 2)).snapshot.id, 'a1');
});

test('a gap is never crossed', async () => {
  const { 3: _missing, ...held } = TRUNK.held;
  const branches = { 1: { ...TRUNK, held } };
  const state = await constructedState({ branches, snapshots: [A, B] });
  const before = await resolve(state, time(150));
  assert.deepEqual([before.snapshot.id, names(before)], ['a1', ['1/1', '1/2']]);
  const after = await resolve(state, time(450));
  assert.deepEqual([after.snapshot.id, names(after)], ['b2', ['1/4', '1/5']]);
  assert.equal((await resolve(state, { kind: 'latest' })).snapshot.id, 'b2');
  await assert.rejects(resolve(state, time(320)), refusal('TARGET_OUTSIDE_WINDOW', '00:03:20'));
  await assert.rejects(
    resolve(state, { kind: 'lsn', lsn: at(3, 0x10) }),
    refusal('TARGET_OUTSIDE_WINDOW'),
  );
  const lone = await constructedState({ branches, snapshots: [A] });
  assert.equal((await resolve(lone, { kind: 'latest' })).coveredTo, at(3), 'up to the hole');
});

test('a snapshot is named by the beginning of its id, and needs its own log', async () => {
  const state = await forked();
  const found = await resolve(state, { kind: 'snapshot', id: 'b' });
  assert.deepEqual([found.snapshot.id, found.stop], ['b2', { kind: 'consistency' }]);
  const stop = parseLsn(found.snapshot.document.stopLsn);
  const last = found.segments.at(-1);
  assert.equal(found.coveredTo, stop);
  assert.equal((last?.number ?? 0n) * BigInt(SIZE) + BigInt(last?.covered ?? 0), stop, 'cut there');
  await assert.rejects(resolve(state, { kind: 'snapshot', id: 'c' }), refusal('SNAPSHOT_UNKNOWN'));
  await assert.rejects(
    resolve(state, { kind: 'snapshot', id: '' }),
    refusal('SNAPSHOT_AMBIGUOUS', 'a1', 'b2'),
  );
  const bare = await constructedState({ branches: { 1: { held: { 2: SIZE } } }, snapshots: [A] });
  await assert.rejects(resolve(bare, { kind: 'snapshot', id: 'a' }), refusal('LOG_MISSING'));
  await assert.rejects(resolve(bare, { kind: 'latest' }), refusal('TARGET_OUTSIDE_WINDOW'));
  const none = await constructedState({ branches: { 1: TRUNK }, snapshots: [] });
  await assert.rejects(resolve(none, { kind: 'latest' }), refusal('NO_SNAPSHOT'));
});

test('a timeline whose history is missing does not hide the others', async () => {
  const state = await constructedState({
    branches: { 1: TRUNK, 2: { ...CHILD, unknown: true } },
    snapshots: [A],
  });
  assert.equal((await resolve(state, { kind: 'latest' })).timeline, 1);
  assert.equal((await resolve(state, { kind: 'xid', xid: 11 })).timeline, 1);
  await assert.rejects(resolve(state, { kind: 'latest' }, 2), refusal('TIMELINE_UNKNOWN'));
});
