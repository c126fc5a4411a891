import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import test from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { startPostgres } from '../../../../test/support/postgres.ts';
import { soak } from '../../../../test/support/soak.ts';
import { machine } from '../../../host/host.ts';
import { Journal } from './journal.ts';
import {
  clusterOf,
  commitsIn,
  Load,
  makeSynchronous,
  releaseCommits,
  serversBytes,
  sourceOf,
  temporary,
} from './testing/following.ts';
import type { ReceiverProcessOptions } from './testing/receiver-process.ts';

function start(options: ReceiverProcessOptions): ChildProcess {
  const script = join(import.meta.dirname, 'testing/receiver-process.ts');
  return spawn(process.execPath, [script, JSON.stringify(options)], { stdio: 'inherit' });
}

async function kill(receiver: ChildProcess): Promise<void> {
  const gone = new Promise((resolve) => receiver.once('exit', resolve));
  receiver.kill('SIGKILL');
  await gone;
}

// Research §4.3 #16: receivers killed again and again left holes.
test('kill -9 of the receiver at any moment: it goes on, and no acknowledged commit is missing', {
  timeout: soak(900_000, 90_000),
}, async () => {
  using directory = temporary();
  await using server = await startPostgres({
    major: 18,
    initdb: ['--wal-segsize=1'],
    settings: { wal_keep_size: '500MB' },
  });
  await Load.prepare(server);
  const options = {
    directory: directory.path,
    ...(await clusterOf(server)),
    source: sourceOf(server),
  };
  let receiver = start(options);
  try {
    await makeSynchronous(server);
    const load = new Load(server, 4);
    for (let round = 0; round < soak(60, 6); round++) {
      // Some commits in every life, then a moment that is never the same.
      await load.reaches(load.acknowledged.length + 20);
      await sleep((round * 71) % 230);
      await kill(receiver);
      receiver = start(options);
    }
    await kill(receiver);
    const acknowledged = [...load.acknowledged];
    await releaseCommits(server);
    await load.stop();
    await using journal = await Journal.open({ host: machine, ...options });
    const commits = await commitsIn(journal);
    for (const xid of acknowledged) assert.ok(commits.has(xid), `transaction ${xid} was lost`);
    for (const { name, length } of journal.segments) {
      const stored = await journal.read({ timeline: 1, name }, 0, length);
      assert.ok(stored.equals(serversBytes(server, name, length)), name);
    }
  } finally {
    receiver.kill('SIGKILL');
  }
});
