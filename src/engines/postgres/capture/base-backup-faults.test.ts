import assert from 'node:assert/strict';
import { closeSync, openSync, readFileSync, writeSync } from 'node:fs';
import net from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { testEachMajor } from '../../../../test/support/majors.ts';
import {
  sharedPostgres,
  startPostgres,
  type TestPostgres,
} from '../../../../test/support/postgres.ts';
import { connect } from '../protocol/connect.ts';
import { falseServer } from '../protocol/testing/false-server.ts';
import { captureBaseBackup } from './base-backup.ts';
import { MemorySnapshot } from './testing/memory-snapshot.ts';
import { each, pathOf, replication, take } from './testing/take.ts';

const shared = sharedPostgres();

// Research §4.3 #2: a vanished file shifted the queue and the next one was saved unhashed.
testEachMajor(
  'tables dropped, truncated and created meanwhile leave it sound',
  async (major) => {
    await using server = await startPostgres({ major });
    for (let n = 0; n < 40; n++) {
      await server.sql(`create table t${n} as select generate_series(1, 2000) as id`);
    }
    let stop = false;
    const churn = (async () => {
      for (let n = 0; !stop; n = (n + 1) % 40) {
        await server.sql(`drop table t${n}; truncate t${(n + 20) % 40}`);
        await server.sql(`create table t${n} as select generate_series(1, 2000) as id`);
      }
    })();
    let calls = 0;
    const { backup } = await take(server, {
      pressure: () => (calls++ % 4 === 0 ? sleep(1) : undefined),
    });
    stop = true;
    await churn;
    assert.ok(backup.stopLsn > backup.startLsn, 'something happened meanwhile');
  },
  { quick: [14, 18] },
);

// Research §4.3 #10: on ext4 the server may read half of a control file that it is writing.
testEachMajor(
  'a torn pg_control is no part of a backup',
  async (major) => {
    await using server = await startPostgres({ major });
    await server.sql('create table t as select generate_series(1, 100000) as id');
    const file = join(server.dataDir, 'global', 'pg_control');
    let torn = false;
    const tear = () => {
      if (torn) return undefined;
      torn = true;
      const descriptor = openSync(file, 'r+');
      writeSync(descriptor, Buffer.alloc(64, 0xee), 0, 64, 64);
      closeSync(descriptor);
      return undefined;
    };
    await assert.rejects(take(server, { pressure: tear }), {
      code: 'POSTGRES_CONTROL_FILE_TORN',
      kind: 'transient',
    });
    // Written anew from memory.
    await server.sql('checkpoint');
    await take(server);
  },
  { quick: [14, 18] },
);

testEachMajor(
  'a file emptied while it is sent arrives padded with zeroes',
  async (major) => {
    await using server = await startPostgres({ major });
    await server.sql(
      `create table t as select repeat('x', 1000) as filler from generate_series(1, 30000)`,
    );
    const file = await pathOf(server, 't');
    let emptied: Promise<void> | undefined;
    const { sink } = await take(server, {
      pressure: (path) => {
        if (path !== file || emptied) return undefined;
        emptied = each(server, 'truncate t');
        return emptied;
      },
    });
    const bytes = sink.bytes(file);
    assert.ok(bytes.length > 30_000_000);
    assert.ok(bytes.subarray(0, 8192).some((byte) => byte !== 0));
    assert.ok(bytes.subarray(-8192).every((byte) => byte === 0));
  },
  { quick: [14, 18] },
);

testEachMajor(
  'damaged pages are captured, counted and said',
  async (major) => {
    await using server = await startPostgres({ major, initdb: ['--data-checksums'] });
    await server.sql('create table t as select generate_series(1, 5000) as id');
    const file = await pathOf(server, 't');
    await server.stop();
    const descriptor = openSync(join(server.dataDir, file), 'r+');
    for (const page of [1, 3]) writeSync(descriptor, 'damage', page * 8192 + 4000);
    closeSync(descriptor);
    await server.start();
    const { sink, backup } = await take(server);
    assert.equal(backup.checksumFailures, 2);
    assert.ok(backup.warnings.some((warning) => warning.includes(file)));
    await server.stop();
    assert.deepEqual(sink.bytes(file), readFileSync(join(server.dataDir, file)));
  },
  { quick: [14, 15, 18] },
);

testEachMajor('an abort ends it at once, and the server is free again', async (major) => {
  const server = await shared(major);
  await using connection = await replication(server);
  const controller = new AbortController();
  const reason = new Error('enough');
  let calls = 0;
  const sink = new MemorySnapshot({
    pressure: () => {
      calls++;
      controller.abort(reason);
      return undefined;
    },
  });
  const { signal } = controller;
  const capture = captureBaseBackup({ connection, sink, label: 'x', checkpoint: 'fast', signal });
  await assert.rejects(capture, reason);
  assert.equal(calls, 1, 'nothing is delivered after the abort');
  for (let waited = 0; waited < 200; waited++) {
    if ((await server.value('select count(*) from pg_stat_replication')) === '0') return;
    await sleep(20);
  }
  assert.fail('the walsender is still there');
});

testEachMajor('what the sink throws ends the capture with that very error', async (major) => {
  const server = await shared(major);
  await using connection = await replication(server);
  const full = new Error('no space');
  const throwing = new MemorySnapshot({
    pressure: () => {
      throw full;
    },
  });
  const options = { connection, label: 'x', checkpoint: 'fast' } as const;
  await assert.rejects(captureBaseBackup({ ...options, sink: throwing }), full);
  await using second = await replication(server);
  const rejecting = new MemorySnapshot({ pressure: () => Promise.reject(full) });
  await assert.rejects(
    captureBaseBackup({ ...options, connection: second, sink: rejecting }),
    full,
  );
});

/** A fault injector: a proxy that hands every chunk of the server through `alter`. */
async function proxy(server: TestPostgres, alter: (chunk: Buffer, client: net.Socket) => Buffer) {
  return await falseServer((client) => {
    const upstream = net.connect(server.port, server.host);
    client.pipe(upstream);
    upstream.on('data', (chunk) => void client.write(alter(chunk as Buffer, client)));
    upstream.on('error', () => client.destroy());
    client.on('close', () => upstream.destroy());
  });
}

async function takeThrough(address: { readonly host: string; readonly port: number }) {
  await using connection = await connect({
    ...address,
    user: 'postgres',
    replication: true,
    applicationName: 'capture test',
  });
  const sink = new MemorySnapshot();
  return await captureBaseBackup({ connection, sink, label: 'x', checkpoint: 'fast' });
}

testEachMajor(
  'a byte that changes on the way is noticed',
  async (major) => {
    await using server = await startPostgres({ major });
    await server.sql(`create table t as select 'quagga' as animal`);
    let altered = 0;
    await using altering = await proxy(server, (chunk) => {
      const at = chunk.indexOf('quagga');
      if (at < 0) return chunk;
      altered++;
      chunk[at] = 'Q'.charCodeAt(0);
      return chunk;
    });
    const path = await pathOf(server, 't');
    await assert.rejects(takeThrough(altering), {
      code: 'POSTGRES_MANIFEST_MISMATCH',
      kind: 'corrupt',
      message: new RegExp(`${path}: its SHA-256 differs`),
    });
    assert.equal(altered, 1);
  },
  { quick: [14, 15, 18] },
);

testEachMajor('a connection cut in the middle is lost, not an end', async (major) => {
  const server = await shared(major);
  let bytes = 0;
  await using cutting = await proxy(server, (chunk, client) => {
    bytes += chunk.length;
    if (bytes > 5_000_000) client.destroy();
    return chunk;
  });
  await assert.rejects(takeThrough(cutting), {
    code: 'POSTGRES_CONNECTION_LOST',
    kind: 'transient',
  });
});
