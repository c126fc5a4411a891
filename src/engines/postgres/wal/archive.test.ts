import assert from 'node:assert/strict';
import fs from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { failNth, faultyFileSystem } from '../../../../test/doubles/faulty-file-system.ts';
import { testEachMajor } from '../../../../test/support/majors.ts';
import { startPostgres } from '../../../../test/support/postgres.ts';
import { HoldfastError, isHoldfastError } from '../../../errors/holdfast-error.ts';
import { machine } from '../../../host/host.ts';
import { type ArchiveSource, fetchFromArchive } from './archive-fetch.ts';
import { type ArchiveSink, pushToArchive } from './archive-push.ts';
import { clusterOf, temporary } from './testing/following.ts';
import { MemoryLog } from './testing/memory-log.ts';
import { syntheticWal } from './testing/synthetic-wal.ts';

const SEGMENT = 1 << 20;

/** Keeps what is pushed, and answers what is fetched. */
class Archive implements ArchiveSink, ArchiveSource {
  readonly log = new MemoryLog();
  fault: Error | undefined;

  async putPiece(piece: Parameters<ArchiveSink['putPiece']>[0]) {
    if (this.fault) throw this.fault;
    const before = this.log.pieces.length;
    await this.log.putPiece(piece);
    return this.log.pieces.length > before ? 'stored' : 'already';
  }

  async putDocument(name: string, bytes: Buffer) {
    const had = this.log.documents.has(name);
    await this.log.putDocument(name, bytes);
    return had ? 'already' : 'stored';
  }

  async segment({ timeline, name }: { timeline: number; name: string }) {
    if (this.fault) throw this.fault;
    return this.log.segments(String(timeline)).get(name);
  }

  async hasLater({ timeline, number }: { timeline: number; number: bigint }) {
    const later = (name: string) => BigInt(`0x${name.slice(16)}`) > number;
    return [...this.log.segments(String(timeline)).keys()].some(later);
  }

  async document(name: string) {
    return this.log.documents.get(name);
  }
}

function segmentAt(number: number, records = 400): Buffer {
  const wal = syntheticWal({
    start: number * SEGMENT,
    segmentSize: SEGMENT,
    pageSize: 8192,
    records: Array.from({ length: records }, (_, index) => ({
      manager: 10,
      info: 0,
      xid: index,
      body: Buffer.alloc(2500, number + index),
    })),
  });
  return Buffer.concat([wal.bytes.subarray(0, SEGMENT)], SEGMENT);
}

const nameOf = (number: number) =>
  `0000000100000000${number.toString(16).toUpperCase().padStart(8, '0')}`;

function pgWal(directory: string, numbers: readonly number[]): string {
  fs.mkdirSync(join(directory, 'archive_status'));
  for (const number of numbers) {
    fs.writeFileSync(join(directory, nameOf(number)), segmentAt(number));
    fs.writeFileSync(join(directory, 'archive_status', `${nameOf(number)}.ready`), '');
  }
  return directory;
}

const cluster = { systemIdentifier: '7', segmentSize: SEGMENT };
const code = (wanted: string) => (error: unknown) =>
  isHoldfastError(error) && error.code === wanted;

test('wal-push stores the file, and the finished ones that wait behind it', async () => {
  using directory = temporary();
  const folder = pgWal(directory.path, [3, 4, 5, 6]);
  const archive = new Archive();
  const push = (number: number, batch?: number) =>
    pushToArchive({
      host: machine,
      path: join(folder, nameOf(number)),
      ...cluster,
      sink: archive,
      ...(batch === undefined ? {} : { batch }),
    });
  assert.deepEqual(await push(4, 1), { stored: [nameOf(4), nameOf(5)], already: [] });
  assert.deepEqual(await push(3), {
    stored: [nameOf(3), nameOf(6)],
    already: [nameOf(4), nameOf(5)],
  });
  assert.ok(archive.log.segments().get(nameOf(3))!.equals(segmentAt(3)));
});

test('wal-push of a neighbour that fails does not fail the file that was asked for', async () => {
  using directory = temporary();
  const folder = pgWal(directory.path, [3, 4]);
  fs.truncateSync(join(folder, nameOf(4)), 1000);
  const options = { host: machine, path: join(folder, nameOf(3)), ...cluster, sink: new Archive() };
  assert.deepEqual((await pushToArchive(options)).stored, [nameOf(3)]);
});

test('wal-push refuses what is not the segment it is named (§4.3 #12, #28)', async () => {
  using directory = temporary();
  const folder = pgWal(directory.path, [3]);
  const path = join(folder, nameOf(3));
  const push = (changes = {}) =>
    pushToArchive({ host: machine, path, ...cluster, sink: new Archive(), ...changes });
  await assert.rejects(push({ systemIdentifier: '8' }), code('WAL_FOREIGN_SYSTEM'));
  fs.writeFileSync(path, segmentAt(4));
  await assert.rejects(push(), code('WAL_SEGMENT_INVALID'));
  fs.writeFileSync(path, segmentAt(3).subarray(0, SEGMENT / 2));
  await assert.rejects(push(), code('WAL_SEGMENT_INVALID'));
  fs.writeFileSync(path, Buffer.alloc(SEGMENT));
  await assert.rejects(push(), code('WAL_SEGMENT_INVALID'));
  await assert.rejects(push({ path: join(folder, 'xlogtemp.1') }), code('WAL_SEGMENT_INVALID'));
});

test('wal-push of the same name with other content is a conflict, never an overwrite', async () => {
  using directory = temporary();
  const folder = pgWal(directory.path, [3]);
  const options = { host: machine, path: join(folder, nameOf(3)), ...cluster, sink: new Archive() };
  await pushToArchive(options);
  fs.writeFileSync(options.path, segmentAt(3, 100));
  await assert.rejects(
    pushToArchive(options),
    (error) => isHoldfastError(error) && error.kind === 'conflict',
  );
});

test('wal-push of a .partial keeps what is valid of it, not what the recycled file held before', async () => {
  using directory = temporary();
  const folder = pgWal(directory.path, []);
  const archive = new Archive();
  const path = join(folder, `${nameOf(3)}.partial`);
  const bytes = segmentAt(3, 100);
  const valid = bytes.subarray(0, bytes.findLastIndex((byte) => byte !== 0) + 1);
  bytes.fill(0x5a, Math.ceil(valid.length / 8) * 8);
  fs.writeFileSync(path, bytes);
  await pushToArchive({ host: machine, path, ...cluster, sink: archive });
  const [piece] = archive.log.pieces;
  assert.equal(piece!.to, Math.ceil(valid.length / 8) * 8);
  assert.equal(archive.log.indexes()[0]!.stopped, null);
});

test('wal-fetch: absent is absent, an error is an error (§4.3 #8)', async () => {
  using directory = temporary();
  const archive = new Archive();
  const fetch = (name: string, file = 'RECOVERYXLOG') =>
    fetchFromArchive({
      host: machine,
      name,
      path: join(directory.path, file),
      ...cluster,
      source: archive,
    });
  assert.equal(await fetch(nameOf(9)), 'absent');
  assert.equal(await fetch('00000002.history'), 'absent');
  archive.fault = new HoldfastError('STORE_TRANSIENT', {
    operation: 'get',
    key: 'x',
    reason: 'no',
  });
  await assert.rejects(fetch(nameOf(9)), code('STORE_TRANSIENT'));
  assert.deepEqual(fs.readdirSync(directory.path), [], 'nothing is left behind');
});

test('wal-fetch puts only whole, checked files in place (§4.3 #17)', async () => {
  using directory = temporary();
  const archive = new Archive();
  const path = join(directory.path, 'RECOVERYXLOG');
  const piece = (number: number, bytes: Buffer) => ({
    branch: '1',
    segment: nameOf(number),
    from: 0,
    to: bytes.length,
    segmentSize: SEGMENT,
    bytes,
    index: Buffer.alloc(0),
  });
  await archive.log.putPiece(piece(3, segmentAt(4)));
  await archive.log.putPiece(piece(5, segmentAt(5)));
  const fetch = (number: number, host: Parameters<typeof fetchFromArchive>[0]['host'] = machine) =>
    fetchFromArchive({ host, name: nameOf(number), path, ...cluster, source: archive });
  await assert.rejects(fetch(3), code('WAL_STORED_SEGMENT_INVALID'));
  await assert.rejects(fetch(5, { fs: faultyFileSystem(failNth('handle.sync', 1, 'EIO')).fs }));
  assert.equal(fs.existsSync(path), false);
  assert.equal(await fetch(5), 'fetched');
  assert.ok(fs.readFileSync(path).equals(segmentAt(5)));
});

test('wal-fetch serves an unfinished segment to recovery alone, padded, at the end of its timeline (§4.3 #18, #23)', async () => {
  using directory = temporary();
  const archive = new Archive();
  const half = segmentAt(5).subarray(0, SEGMENT / 2);
  const piece = (number: number, bytes: Buffer) => ({
    branch: '1',
    segment: nameOf(number),
    from: 0,
    to: bytes.length,
    segmentSize: SEGMENT,
    bytes,
    index: Buffer.alloc(0),
  });
  await archive.log.putPiece(piece(5, half));
  const fetch = (file: string) =>
    fetchFromArchive({
      host: machine,
      name: nameOf(5),
      path: join(directory.path, file),
      ...cluster,
      source: archive,
    });
  assert.equal(await fetch(nameOf(5)), 'absent', 'pg_rewind gets whole segments only');
  assert.equal(await fetch('RECOVERYXLOG'), 'fetched');
  const served = fs.readFileSync(join(directory.path, 'RECOVERYXLOG'));
  assert.equal(served.length, SEGMENT);
  assert.ok(served.subarray(0, half.length).equals(half));
  assert.ok(served.subarray(half.length).every((byte) => byte === 0));
  await archive.log.putPiece(piece(6, segmentAt(6)));
  // PostgreSQL would take "absent" for the end of the log, and go live without the rest.
  await assert.rejects(fetch('RECOVERYXLOG'), code('WAL_STORED_GAP'));
  assert.equal(await fetch(nameOf(5)), 'absent');
});

testEachMajor(
  'what a real server archives is pushed and fetched, .partial of a promotion too',
  async (major) => {
    await using first = await startPostgres({
      major,
      initdb: ['--wal-segsize=1'],
      settings: { archive_mode: 'on', archive_command: 'false', wal_keep_size: '100MB' },
    });
    await using second = await first.makeStandby();
    await first.sql('create table t (a text)');
    await first.sql("insert into t select repeat('x', 500) from generate_series(1, 5000)");
    await first.waitForReplay(second);
    const identity = await clusterOf(first);
    await first.kill9();
    await second.promote();
    await second.sql('checkpoint');
    const folder = join(second.dataDir, 'pg_wal');
    const ready = fs
      .readdirSync(join(folder, 'archive_status'))
      .filter((name) => name.endsWith('.ready'))
      .map((name) => name.slice(0, -6));
    assert.ok(
      ready.some((name) => name.endsWith('.partial')),
      ready.join(),
    );
    assert.ok(ready.includes('00000002.history'));
    const archive = new Archive();
    for (const name of ready) {
      await pushToArchive({ host: machine, path: join(folder, name), ...identity, sink: archive });
    }
    assert.ok(archive.log.documents.has('00000002.history'));
    using directory = temporary();
    for (const [name, bytes] of archive.log.segments('1')) {
      const path = join(directory.path, 'RECOVERYXLOG');
      assert.equal(
        await fetchFromArchive({ host: machine, name, path, ...identity, source: archive }),
        'fetched',
      );
      assert.ok(fs.readFileSync(path).subarray(0, bytes.length).equals(bytes));
    }
  },
);
