import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import test from 'node:test';
import { removeTemporary, temporaryDirectory } from '../../../../test/support/temporary.ts';
import { machine } from '../../../host/host.ts';
import { Journal } from './journal.ts';

const PROCESS = new URL('./testing/journal-process.ts', import.meta.url).pathname;

const open = (directory: string, systemIdentifier = '7') =>
  Journal.open({ host: machine, directory, systemIdentifier, segmentSize: 1 << 20 });

test('a journal is open in one process, and free again however that ends', async () => {
  const root = temporaryDirectory();
  const directory = join(root, 'journal');
  const child = spawn(process.execPath, [PROCESS, directory], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  try {
    await once(child.stdout, 'data');
    const inUse = {
      code: 'WAL_JOURNAL_IN_USE',
      kind: 'conflict',
      message: new RegExp(`process ${child.pid} on `),
    };
    await assert.rejects(open(directory), inUse);
    await assert.rejects(open(directory), inUse, 'a refusal takes nothing away');
    child.kill('SIGKILL');
    await once(child, 'exit');
    const journal = await open(directory);
    await assert.rejects(open(directory), { code: 'WAL_JOURNAL_IN_USE' }, 'nor twice in one');
    await journal.close();
    await assert.rejects(open(directory, '8'), { code: 'WAL_FOREIGN_SYSTEM' });
    await (await open(directory)).close();
  } finally {
    child.kill('SIGKILL');
    removeTemporary(root);
  }
});
