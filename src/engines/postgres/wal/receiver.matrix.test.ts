import assert from 'node:assert/strict';
import { testEachMajor } from '../../../../test/support/majors.ts';
import { startPostgres } from '../../../../test/support/postgres.ts';
import {
  commitsIn,
  Following,
  flushed,
  Load,
  makeSynchronous,
  serversBytes,
  temporary,
} from './testing/following.ts';

const SMALL = ['--wal-segsize=1'];

testEachMajor(
  'the journal holds what the server wrote, byte for byte, under load',
  async (major) => {
    using directory = temporary();
    await using server = await startPostgres({
      major,
      initdb: SMALL,
      settings: { wal_keep_size: '200MB' },
    });
    await Load.prepare(server);
    await using following = await Following.start(server, { directory: directory.path });
    await following.until('connected', () => following.of('connected').length === 1);
    const load = new Load(server, 4);
    await server.sql(
      'create table big as select g, repeat(md5(g::text), 30) from generate_series(1, 4000) g',
    );
    await server.sql('select pg_switch_wal()');
    await load.reaches(100);
    await load.stop();
    const end = await flushed(server);
    await following.reaches(end);
    const { segments } = following.journal;
    assert.ok(segments.length >= 4, `${segments.length} segments`);
    for (const { name, length } of segments) {
      const stored = await following.journal.read({ timeline: 1, name }, 0, length);
      assert.ok(stored.equals(serversBytes(server, name, length)), name);
    }
    const commits = await commitsIn(following.journal);
    for (const xid of load.acknowledged) assert.ok(commits.has(xid), `transaction ${xid}`);
    const connected = following.of('connected')[0]!;
    assert.equal(connected.server.standby, false);
    assert.equal(connected.server.timeline, 1);
  },
);

testEachMajor(
  'RPO 0: after kill -9 of the primary every acknowledged commit is in the journal (§4.3 #23)',
  async (major) => {
    using directory = temporary();
    await using server = await startPostgres({ major, initdb: SMALL });
    await Load.prepare(server);
    await using following = await Following.start(server, { directory: directory.path });
    await following.reaches(await flushed(server));
    await makeSynchronous(server);
    const load = new Load(server, 6);
    await load.reaches(100);
    await server.kill9();
    const acknowledged = await load.stop();
    await following.until('disconnected', () => following.of('disconnected').length > 0);
    await following.stop();
    const commits = await commitsIn(following.journal);
    for (const xid of acknowledged) assert.ok(commits.has(xid), `transaction ${xid} was lost`);
  },
);
