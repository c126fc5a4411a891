import assert from 'node:assert/strict';
import { test } from 'node:test';
import { describeProgress, ProgressLine } from './progress-line.ts';

const MiB = 1024 ** 2;

function scene(terminal: boolean) {
  let now = 0;
  let text = '';
  const clock = { now: () => now, monotonic: () => now, sleep: async () => undefined };
  const io = {
    out: async () => undefined,
    err: (part: string) => {
      text += part;
    },
    terminal,
    columns: 60,
  };
  const line = new ProgressLine({ io, clock });
  return {
    line,
    at: (ms: number, done: number, phase = 'Reading') => {
      now = ms;
      line.update({ phase, done, total: 100 * MiB, unit: 'bytes' });
    },
    taken: () => {
      const taken = text;
      text = '';
      return taken;
    },
  };
}

test('a progress line says phase, share, rate and time left', () => {
  const progress = { phase: 'Reading', done: 25 * MiB, total: 100 * MiB, unit: 'bytes' } as const;
  assert.equal(
    describeProgress(progress, 5 * MiB),
    'Reading  25.0 MiB of 100 MiB (25 %)  5.00 MiB/s  15.0 s left',
  );
  assert.equal(
    describeProgress({ phase: 'Checking', done: 3, unit: 'items' }, 2),
    'Checking  3  2.0/s',
  );
  assert.equal(
    describeProgress({ phase: 'Waiting', done: 0, unit: 'bytes' }, undefined),
    'Waiting',
  );
});

test('on a terminal one line is redrawn, ten times a second at most, and taken away', () => {
  const { line, at, taken } = scene(true);
  at(0, 0);
  assert.equal(taken(), '\rReading  0 B of 100 MiB (0 %)\x1b[K');
  at(50, MiB);
  assert.equal(taken(), '');
  at(1000, 10 * MiB);
  // Cut to the width of the terminal, so that it never wraps.
  assert.equal(taken(), '\rReading  10.0 MiB of 100 MiB (10 %)  10.0 MiB/s  9.00 s lef\x1b[K');
  at(1001, 100 * MiB);
  assert.match(taken(), /100 %/);
  line.clear();
  assert.equal(taken(), '\r\x1b[K');
  line.clear();
  assert.equal(taken(), '');
});

test('without a terminal there is a line for each phase and every ten seconds', () => {
  const { at, taken } = scene(false);
  for (let ms = 0; ms <= 25_000; ms += 250) at(ms, (ms / 25_000) * 100 * MiB);
  const lines = taken().trimEnd().split('\n');
  assert.equal(lines.length, 3);
  assert.match(
    lines[1]!,
    /^Reading {2}40\.0 MiB of 100 MiB \(40 %\) {2}4\.00 MiB\/s {2}15\.0 s left$/,
  );
  at(25_100, 1, 'Storing');
  assert.match(taken(), /^Storing/);
});

test('the rate is the recent one: a stall shows', () => {
  const { at, taken } = scene(false);
  for (let ms = 0; ms <= 9_750; ms += 250) at(ms, (ms / 250) * MiB);
  for (let ms = 10_000; ms <= 20_000; ms += 250) at(ms, 40 * MiB);
  const last = taken().trimEnd().split('\n').at(-1)!;
  assert.match(last, /0\.98 MiB\/s|102 KiB\/s|KiB\/s|40 %\)$/);
  assert.doesNotMatch(last, /4\.00 MiB\/s/);
});
