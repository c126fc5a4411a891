import assert from 'node:assert/strict';
import { renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { startPostgres } from '../../../../test/support/postgres.ts';
import { isHoldfastError } from '../../../errors/holdfast-error.ts';
import { Following, flushed, Load, temporary } from './testing/following.ts';

const SMALL = ['--wal-segsize=1'];
const timeout = 60_000;

test('a journal behind what the server kept is a gap (§4.3 #24)', {
  timeout,
}, async () => {
  using directory = temporary();
  await using server = await startPostgres({
    major: 18,
    initdb: SMALL,
    settings: { wal_keep_size: '0', max_wal_size: '2MB', min_wal_size: '2MB' },
  });
  await Load.prepare(server);
  {
    await using following = await Following.start(server, { directory: directory.path });
    await following.reaches(await flushed(server));
  }
  for (let round = 0; round < 6; round++) {
    await server.sql(
      "insert into load select 9, g, repeat('x', 500) from generate_series(1, 1500) g; select pg_switch_wal()",
    );
    await server.sql('checkpoint');
  }
  {
    await using following = await Following.start(server, { directory: directory.path });
    await following.until('gap', () => following.of('gap').length === 1);
    const [gap] = following.of('gap');
    assert.ok(gap!.from < gap!.to);
    assert.equal(gap!.error.code, 'WAL_GAP');
    await server.sql("insert into load values (1, 1, 'after the gap')");
    await following.reaches(await flushed(server));
    const names = following.journal.segments.map(({ number }) => number);
    assert.ok(names.at(-1)! - names[0]! >= BigInt(names.length), 'a hole in the journal');
  }
});

test('a primary that was set back is refused, and nothing is acknowledged to it', {
  timeout,
}, async () => {
  using directory = temporary();
  await using server = await startPostgres({ major: 18, settings: { full_page_writes: 'off' } });
  await Load.prepare(server);
  await server.stop();
  const copy = await server.copyStopped();
  await server.start();
  {
    await using following = await Following.start(server, { directory: directory.path });
    await server.sql(
      "insert into load select 9, g, repeat('x', 500) from generate_series(1, 5000) g",
    );
    await following.reaches(await flushed(server));
  }
  await server.stop();
  rmSync(server.dataDir, { recursive: true });
  renameSync(copy, server.dataDir);
  await server.start();
  {
    await using following = await Following.start(server, { directory: directory.path });
    assert.ok(isHoldfastError(await following.fails(), 'WAL_JOURNAL_AHEAD'));
  }
  // Once it has written more than the journal holds, only the bytes show the fork.
  await server.sql(
    "insert into load select 8, g, repeat('y', 500) from generate_series(1, 12000) g",
  );
  await using following = await Following.start(server, { directory: directory.path });
  assert.ok(isHoldfastError(await following.fails(), 'WAL_DIVERGED'));
});

test('a lost journal goes on where the repository ends; what neither has is a gap', {
  timeout,
}, async () => {
  using directory = temporary();
  await using server = await startPostgres({
    major: 18,
    initdb: SMALL,
    settings: { wal_keep_size: '20MB' },
  });
  await Load.prepare(server);
  const fill = () =>
    server.sql("insert into load select 9, g, repeat('x', 500) from generate_series(1, 3000) g");
  await fill();
  const stored = { timeline: 1, lsn: await flushed(server) };
  await fill();
  const uploaded = () => stored;
  {
    await using following = await Following.start(server, {
      directory: join(directory.path, 'a'),
      uploaded,
    });
    await following.reaches(await flushed(server));
    assert.equal(following.of('gap').length, 0);
    const first = following.journal.segments[0]!;
    assert.equal(first.number, stored.lsn / BigInt(1 << 20));
  }
  await server.stop();
  await server.start({ wal_keep_size: '0', max_wal_size: '2MB', min_wal_size: '2MB' });
  for (let round = 0; round < 4; round++) {
    await fill();
    await server.sql('select pg_switch_wal()');
    await server.sql('checkpoint');
  }
  await using following = await Following.start(server, {
    directory: join(directory.path, 'b'),
    uploaded,
  });
  await following.until('gap', () => following.of('gap').length === 1);
  assert.equal(following.of('gap')[0]!.from, stored.lsn);
});
