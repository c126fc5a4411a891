import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { testEachMajor } from '../../../../test/support/majors.ts';
import { startPostgres, type TestPostgres } from '../../../../test/support/postgres.ts';
import { formatInstant, parseInstant } from '../../../content/instant.ts';
import { formatLsn, type Lsn, lsn, parseLsn } from '../lsn.ts';
import { RecordReader } from './record-reader.ts';
import { indexSegment, type WalEvent } from './segment-index.ts';
import { decodeSegmentIndex, encodeSegmentIndex } from './segment-index-codec.ts';
import { segmentName, segmentStart } from './segment-name.ts';

const SEGMENT = 1 << 20;

interface Row {
  readonly start: string;
  readonly end: string;
  readonly prev: string;
  readonly xid: number;
  readonly manager: string;
  readonly type: string;
  readonly length: number;
  readonly description: string;
}

async function work(server: TestPostgres): Promise<void> {
  await using session = await server.connect();
  const run = async (sql: string) => (await session.query(sql)).at(-1)?.rows ?? [];
  await run('create table t (id int primary key, body text)');
  await run('insert into t select g, repeat(md5(g::text), 20) from generate_series(1, 3000) g');
  await run(
    'begin; savepoint a; insert into t values (10001, $$x$$); savepoint b; insert into t values (10002, $$y$$); commit',
  );
  await run('begin; insert into t values (20001, $$gone$$); rollback');
  await run(
    "begin; create table doomed (a int); insert into t values (30001, 'p'); prepare transaction 'one'",
  );
  await run("commit prepared 'one'");
  await run("begin; insert into t values (30002, 'p'); prepare transaction 'two'");
  await run("rollback prepared 'two'");
  await run(
    'begin; drop table doomed; insert into t values (30003, $$q$$); prepare transaction $$three$$',
  );
  await run("commit prepared 'three'");
  await run("select pg_create_restore_point('before the end')");
  // Longer than two segments: continued over many pages and segment boundaries.
  await run("select pg_logical_emit_message(false, 'big', repeat('x', 2500000))");
  await run('select pg_switch_wal()');
  await run('checkpoint');
  for (let row = 0; row < 20; row++) await run(`insert into t values (${40_000 + row}, 'one')`);
  await run('update t set body = body || $$!$$ where id <= 3000');
  await run('select pg_switch_wal()');
}

function segmentsOf(server: TestPostgres, from: Lsn, to: Lsn): { start: Lsn; bytes: Buffer }[] {
  const found: { start: Lsn; bytes: Buffer }[] = [];
  for (let at = segmentStart(from, SEGMENT); at < to; at = lsn(at + BigInt(SEGMENT))) {
    const number = at / BigInt(SEGMENT);
    const name = segmentName({ timeline: 1, number, segmentSize: SEGMENT });
    found.push({ start: at, bytes: readFileSync(path.join(server.dataDir, 'pg_wal', name)) });
  }
  return found;
}

testEachMajor(
  'the same records, commits, positions and times as the server’s own reader',
  async (major) => {
    await using server = await startPostgres({
      major,
      settings: {
        max_prepared_transactions: '5',
        track_commit_timestamp: 'on',
        wal_keep_size: '200',
      },
      initdb: ['--wal-segsize=1'],
    });
    const from = parseLsn(
      (await server.sql('select pg_switch_wal(); select pg_current_wal_insert_lsn()'))[0]![0]!,
    );
    await work(server);
    const to = parseLsn((await server.sql('select pg_current_wal_flush_lsn()'))[0]![0]!);
    const segments = segmentsOf(server, from, to);
    assert.ok(segments.length >= 6, `only ${segments.length} segments`);

    const records: { start: Lsn; end: Lsn; xid: number }[] = [];
    const reader = new RecordReader({
      start: segments[0]!.start,
      segmentSize: SEGMENT,
      keep: () => true,
      onRecord: ({ start, end, xid }) => records.push({ start, end, xid }),
    });
    for (const { bytes } of segments) reader.push(bytes);
    assert.ok(reader.validEnd >= to, `stopped: ${reader.stopped?.reason}`);
    assert.equal(reader.majorVersion, major);

    const events: WalEvent[] = [];
    let previousTail: Buffer | null = null;
    for (const { start, bytes } of segments) {
      const index = indexSegment({ bytes, startLsn: start, segmentSize: SEGMENT, previousTail });
      assert.deepEqual(decodeSegmentIndex(encodeSegmentIndex(index)), index);
      events.push(...index.events);
      previousTail = index.tail;
      if (!previousTail) break;
    }
    await compareWithSql(server, events);
    if (major >= 15) await compareWithInspect(server, { from, to, records, events });
  },
);

async function compareWithSql(server: TestPostgres, events: readonly WalEvent[]): Promise<void> {
  const times = new Map(
    (
      await server.sql(
        "set timezone = 'UTC'; select xid, timestamp from (select distinct xmin as xid, pg_xact_commit_timestamp(xmin) as timestamp from t) x",
      )
    ).map(([xid, time]) => [Number(xid), formatInstant(parseInstant(time!))]),
  );
  const commits = new Map<number, string>();
  for (const event of events) {
    if (event.kind !== 'commit') continue;
    for (const xid of [event.xid, ...event.subtransactions])
      commits.set(xid, formatInstant(event.time));
  }
  assert.ok(times.size >= 24, `${times.size} transactions`);
  for (const [xid, time] of times) assert.equal(commits.get(xid), time, `transaction ${xid}`);
  const prepared = events.filter((event) => event.kind === 'commit' && event.prepared);
  assert.equal(prepared.length, 2);
  const rolledBack = events.filter((event) => event.kind === 'abort' && event.prepared);
  assert.equal(rolledBack.length, 1);
  assert.deepEqual(
    events.flatMap((event) => (event.kind === 'restore-point' ? [event.name] : [])),
    ['before the end'],
  );
  const [redo, time] = (
    await server.sql(
      "set timezone = 'UTC'; select redo_lsn, checkpoint_time from pg_control_checkpoint()",
    )
  )[0]!;
  const checkpoint = events.findLast((event) => event.kind === 'checkpoint');
  assert.ok(checkpoint?.kind === 'checkpoint' && !checkpoint.shutdown);
  assert.equal(formatLsn(checkpoint.redo), redo);
  assert.equal(formatInstant(checkpoint.time), formatInstant(parseInstant(time!)));
  assert.equal(checkpoint.timeline, 1);
  assert.ok(events.filter((event) => event.kind === 'switch').length >= 2);
}

async function compareWithInspect(
  server: TestPostgres,
  mine: {
    readonly from: Lsn;
    readonly to: Lsn;
    readonly records: readonly { start: Lsn; end: Lsn; xid: number }[];
    readonly events: readonly WalEvent[];
  },
): Promise<void> {
  const rows: Row[] = (
    await server.sql(
      `create extension if not exists pg_walinspect; select start_lsn, end_lsn, prev_lsn, xid, resource_manager, record_type, record_length, description from pg_get_wal_records_info('${formatLsn(mine.from)}', '${formatLsn(mine.to)}')`,
    )
  ).map(([start, end, prev, xid, manager, type, length, description]) => ({
    start: start!,
    end: end!,
    prev: prev!,
    xid: Number(xid),
    manager: manager!,
    type: type!,
    length: Number(length),
    description: description!,
  }));
  assert.ok(rows.length > 1000, `${rows.length} rows`);
  const within = mine.records.filter(({ start, end }) => start >= mine.from && end <= mine.to);
  assert.deepEqual(
    within.map(({ start, end, xid }) => `${formatLsn(start)} ${formatLsn(end)} ${xid}`),
    rows.map(({ start, end, xid }) => `${start} ${end} ${xid}`),
  );
  const wanted = rows.flatMap((row) => describe(row));
  const found = mine.events
    .filter(({ start, end }) => start >= mine.from && end <= mine.to)
    .map((event) => {
      const at = `${formatLsn(event.start)} ${formatLsn(event.end)}`;
      return `${at} ${event.kind}`;
    });
  assert.deepEqual(found, wanted);
}

function describe({ start, end, manager, type }: Row): string[] {
  const kinds: Readonly<Record<string, string>> = {
    'Transaction COMMIT': 'commit',
    'Transaction ABORT': 'abort',
    'Transaction COMMIT_PREPARED': 'commit',
    'Transaction ABORT_PREPARED': 'abort',
    'XLOG RESTORE_POINT': 'restore-point',
    'XLOG CHECKPOINT_ONLINE': 'checkpoint',
    'XLOG CHECKPOINT_SHUTDOWN': 'checkpoint',
    'XLOG SWITCH': 'switch',
  };
  const kind = kinds[`${manager} ${type}`];
  return kind ? [`${start} ${end} ${kind}`] : [];
}
