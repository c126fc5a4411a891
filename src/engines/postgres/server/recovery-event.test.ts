import assert from 'node:assert/strict';
import test from 'node:test';
import { parseLsn } from '../lsn.ts';
import { parseRecoveryEvent } from './recovery-event.ts';

const line = (backend: string, text: string) =>
  `2026-11-21 14:32:07.123 UTC [4711] ${backend}: ${text}`;
const startup = (message: string) => parseRecoveryEvent(line('startup', `LOG:  ${message}`));

test('a transaction’s commit as stopping point carries its time', () => {
  assert.deepEqual(
    startup('recovery stopping before commit of transaction 735, time 2026-11-21 14:32:07.5+00'),
    {
      kind: 'stopping',
      where: 'before commit of transaction 735, time 2026-11-21 14:32:07.5+00',
      time: '2026-11-21 14:32:07.5+00',
    },
  );
});

test('an LSN as stopping point carries it', () => {
  const event = startup('recovery stopping after WAL location (LSN) "0/3000060"');
  assert.equal(event?.kind === 'stopping' && event.at, parseLsn('0/3000060'));
});

test('both spellings of read-only are understood, by release', () => {
  for (const words of ['read-only ', 'read only ']) {
    const text = `database system is ready to accept ${words}connections`;
    const event = parseRecoveryEvent(line('postmaster', `LOG:  ${text}`));
    assert.deepEqual(event, { kind: 'accepting', readOnly: true });
  }
});

test('a client turned away is no failure of recovery', () => {
  const text = 'FATAL:  the database system is starting up';
  assert.equal(parseRecoveryEvent(line('client backend', text)), undefined);
  assert.deepEqual(parseRecoveryEvent(line('startup', 'FATAL:  could not open file')), {
    kind: 'failed',
    severity: 'FATAL',
    message: 'could not open file',
  });
});

test('what a program prints between log lines is passed over', () => {
  assert.equal(parseRecoveryEvent('cp: cannot stat LOG: recovery stopping'), undefined);
});
