import assert from 'node:assert/strict';
import { join } from 'node:path';
import test from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { startPostgres } from '../../../../test/support/postgres.ts';
import { HoldfastError, isHoldfastError } from '../../../errors/holdfast-error.ts';
import { machine } from '../../../host/host.ts';
import { type Lsn, lsn } from '../lsn.ts';
import { Journal } from './journal.ts';
import { type PublisherEvent, type PublisherOptions, WalPublisher } from './publisher.ts';
import {
  commitsIn,
  Following,
  flushed,
  Load,
  makeSynchronous,
  serversBytes,
  temporary,
} from './testing/following.ts';
import { MemoryLog } from './testing/memory-log.ts';
import { syntheticWal } from './testing/synthetic-wal.ts';

const SEGMENT = 1 << 20;
const START = 5 * SEGMENT;
const at = (offset: number): Lsn => lsn(BigInt(START + offset));
const timeout = 60_000;

const wal = syntheticWal({
  start: START,
  segmentSize: SEGMENT,
  pageSize: 8192,
  records: Array.from({ length: 2000 }, (_, index) => ({
    manager: 1,
    info: 0,
    xid: index + 3,
    // xl_xact_commit: time, then what makes records of many lengths (its head says "main data").
    body: commitBody(index),
  })),
});

function commitBody(index: number): Buffer {
  const filler = Buffer.alloc(5 + 8 + ((index * 7919) % 4000), 1);
  filler[0] = 254;
  filler.writeUInt32LE(filler.length - 5, 1);
  filler.writeBigInt64LE(BigInt(index) * 1_000_000n, 5);
  return filler;
}

class Publishing implements AsyncDisposable {
  readonly sink = new MemoryLog();
  readonly events: PublisherEvent[] = [];
  readonly journal: Journal;
  readonly publisher: WalPublisher;
  readonly #stop = new AbortController();
  readonly #running: Promise<unknown>;
  failure: unknown;

  static async open(directory: string, options: Partial<PublisherOptions> = {}) {
    const journal = await Journal.open({
      host: machine,
      directory: join(directory, 'journal'),
      systemIdentifier: '7',
      segmentSize: SEGMENT,
    });
    return new Publishing(journal, options);
  }

  constructor(journal: Journal, options: Partial<PublisherOptions>) {
    this.journal = journal;
    this.publisher = new WalPublisher({
      host: machine,
      journal,
      sink: this.sink,
      pieceIntervalMs: 40,
      maxRetryMs: 30,
      ...options,
      onEvent: (event) => this.events.push(event),
    });
    this.#running = this.publisher.run(this.#stop.signal).catch((error: unknown) => {
      this.failure = error;
    });
  }

  async receive(from: number, to: number, step = 150_000): Promise<void> {
    for (let offset = from; offset < to; offset += step) {
      this.journal.append(at(offset), wal.bytes.subarray(offset, Math.min(to, offset + step)));
      await this.journal.flush();
      this.publisher.notify();
    }
  }

  async until(what: string, reached: () => boolean): Promise<void> {
    for (let tries = 0; !reached(); tries++) {
      if (this.failure) throw this.failure;
      assert.ok(tries < 500, `not in time: ${what}`);
      await sleep(10);
    }
  }

  async uploads(offset: number, timeline = 1): Promise<void> {
    await this.until(`upload of ${offset}`, () => {
      const { uploaded } = this.publisher;
      return uploaded !== undefined && uploaded.timeline === timeline && uploaded.lsn >= at(offset);
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#running;
    await this.journal.close();
  }
}

test('whole segments go up whole, the unfinished one in pieces, each record in exactly one index of each kind', {
  timeout,
}, async () => {
  using directory = temporary();
  await using publishing = await Publishing.open(directory.path);
  const { journal, sink } = publishing;
  await journal.attach({ timeline: 1, lsn: at(0) });
  const total = 2_700_000;
  for (let offset = 0; offset < total; offset += 300_000) {
    await publishing.receive(offset, Math.min(total, offset + 300_000));
    await sleep(60);
  }
  await publishing.uploads(total);
  const names = [5, 6, 7].map((number) => `00000001000000000000000${number}`);
  assert.deepEqual(sink.whole(), names.slice(0, 2));
  const joined = sink.segments();
  assert.ok(
    Buffer.concat(names.map((name) => joined.get(name)!)).equals(wal.bytes.subarray(0, total)),
  );
  assert.ok(sink.pieces.length > 4, 'pieces of the unfinished segments');

  const ended = wal.starts.filter((start) => start < START + total).length;
  const xids = (indexes: ReturnType<MemoryLog['indexes']>) =>
    indexes.flatMap(({ events }) =>
      events.map((event) => (event.kind === 'commit' ? event.xid : 0)),
    );
  const isWhole = ({ from, to }: { from: Lsn; to: Lsn }) => to - from === BigInt(SEGMENT);
  const inWhole = xids(sink.indexes().filter(isWhole));
  assert.deepEqual(
    inWhole,
    Array.from({ length: inWhole.length }, (_, index) => index + 3),
  );
  const growing = xids(
    sink.indexes().filter((index) => !isWhole(index) && index.from >= at(2 * SEGMENT)),
  );
  assert.equal(
    growing[0],
    inWhole.at(-1)! + 1,
    'the record over the boundary is in the next index',
  );
  assert.ok(inWhole.length + growing.length >= ended - 1);
  assert.ok(sink.indexes().every(({ stopped, headless }) => stopped === null && !headless));
});

test('the journal keeps what is not uploaded, and always the newest two segments', {
  timeout,
}, async () => {
  using directory = temporary();
  await using publishing = await Publishing.open(directory.path);
  const { journal, sink } = publishing;
  let open = false;
  sink.fault = async () => {
    if (!open)
      throw new HoldfastError('STORE_TRANSIENT', { operation: 'put', key: 'x', reason: 'no' });
  };
  await journal.attach({ timeline: 1, lsn: at(0) });
  await publishing.receive(0, 3_500_000);
  await publishing.until('an alarm', () =>
    publishing.events.some(({ kind }) => kind === 'upload-failed'),
  );
  await publishing.until('several attempts', () => publishing.events.length >= 4);
  assert.equal(journal.segments.length, 4, 'nothing is removed before it is uploaded');
  assert.equal(publishing.publisher.uploaded, undefined);
  open = true;
  await publishing.uploads(3_500_000);
  assert.ok(publishing.events.some(({ kind }) => kind === 'upload-recovered'));
  assert.equal(journal.segments.length, 2);
  assert.ok(Buffer.concat([...sink.segments().values()]).equals(wal.bytes.subarray(0, 3_500_000)));
});

test('a hanging upload is left behind, told and begun again (§4.3 #9)', { timeout }, async () => {
  using directory = temporary();
  await using publishing = await Publishing.open(directory.path, { uploadTimeoutMs: 100 });
  const { journal, sink } = publishing;
  let hangs = 2;
  sink.fault = () => (hangs-- > 0 ? new Promise(() => undefined) : Promise.resolve());
  await journal.attach({ timeline: 1, lsn: at(0) });
  await publishing.receive(0, 500_000);
  await publishing.uploads(500_000);
  assert.equal(publishing.events.filter(({ kind }) => kind === 'upload-failed').length, 2);
});

test('other content in the repository ends it: a conflict is not retried', {
  timeout,
}, async () => {
  using directory = temporary();
  await using publishing = await Publishing.open(directory.path);
  publishing.sink.fault = async () => {
    throw new HoldfastError('STORE_EXISTS', { key: 'x' });
  };
  await publishing.journal.attach({ timeline: 1, lsn: at(0) });
  publishing.journal.append(at(0), wal.bytes.subarray(0, 1000));
  await publishing.journal.flush();
  publishing.publisher.notify();
  for (let tries = 0; !publishing.failure && tries < 200; tries++) await sleep(10);
  assert.ok(isHoldfastError(publishing.failure, 'STORE_EXISTS'));
});

test('after a restart it goes on: nothing is left out, little is sent twice', {
  timeout,
}, async () => {
  using directory = temporary();
  const first = await Publishing.open(directory.path);
  await first.journal.attach({ timeline: 1, lsn: at(0) });
  await first.receive(0, 2_500_000);
  await first.uploads(2_500_000);
  const resumeAt = first.publisher.uploaded!;
  await first[Symbol.asyncDispose]();
  await using second = await Publishing.open(directory.path, { resumeAt });
  const held = second.journal.end!;
  await second.journal.attach({ timeline: 1, lsn: lsn(held.lsn - (held.lsn % BigInt(SEGMENT))) });
  await second.receive(2 * SEGMENT, 3_900_000);
  await second.uploads(3_900_000);
  assert.deepEqual(second.sink.whole(), ['000000010000000000000006', '000000010000000000000007']);
  assert.ok(second.sink.indexes().every(({ stopped }) => stopped === null));
});

test('the end of a timeline goes up at once, its successor’s history before its segments (§4.3 #19)', {
  timeout,
}, async () => {
  using directory = temporary();
  await using publishing = await Publishing.open(directory.path, { pieceIntervalMs: 60_000 });
  const { journal, sink } = publishing;
  const order: string[] = [];
  sink.fault = async (what) => {
    order.push(typeof what === 'string' ? what : `${what.segment} ${what.from}`);
  };
  await journal.attach({ timeline: 1, lsn: at(0) });
  await publishing.receive(0, 300_000, 100_000);
  await publishing.uploads(100_000);
  await journal.putHistory(2, Buffer.from('1\t0/549400\tx\n'));
  await journal.attach({ timeline: 2, lsn: at(0) });
  journal.append(at(0), wal.bytes.subarray(0, SEGMENT));
  await journal.flush();
  publishing.publisher.notify();
  await publishing.uploads(SEGMENT, 2);
  assert.deepEqual(sink.segments('1').get('000000010000000000000005')?.length, 300_000);
  const document = order.indexOf('00000002.history');
  assert.ok(document >= 0 && document < order.findIndex((name) => name.startsWith('000000020')));
});

test('while the repository hangs, synchronous commits and keepalives go on; then it catches up', {
  timeout,
}, async () => {
  using directory = temporary();
  await using server = await startPostgres({
    major: 18,
    initdb: ['--wal-segsize=1'],
    settings: { wal_sender_timeout: '1s', wal_keep_size: '200MB' },
  });
  await Load.prepare(server);
  await using following = await Following.start(server, {
    directory: directory.path,
    statusIntervalMs: 300,
  });
  await following.reaches(await flushed(server));
  const publishing = new Publishing(following.journal, { uploadTimeoutMs: 1_000 });
  let hanging = true;
  publishing.sink.fault = () => (hanging ? new Promise(() => undefined) : Promise.resolve());
  await makeSynchronous(server);
  const load = new Load(server, 3);
  await sleep(1_500);
  await load.reaches(60);
  assert.equal(following.of('disconnected').length, 0);
  hanging = false;
  await load.stop();
  const end = await flushed(server);
  await following.reaches(end);
  publishing.publisher.notify();
  await publishing.until('caught up', () => (publishing.publisher.uploaded?.lsn ?? 0n) >= end);
  for (const [name, bytes] of publishing.sink.segments()) {
    assert.ok(bytes.equals(serversBytes(server, name, bytes.length)), name);
  }
  const indexed = new Set(
    publishing.sink
      .indexes()
      .flatMap(({ events }) => events.map((event) => (event.kind === 'commit' ? event.xid : 0))),
  );
  for (const xid of load.acknowledged) assert.ok(indexed.has(xid), `transaction ${xid}`);
  assert.ok((await commitsIn(following.journal)).size > 0);
  await publishing[Symbol.asyncDispose]();
});
