import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { testEachMajor } from '../../../../test/support/majors.ts';
import { startPostgres } from '../../../../test/support/postgres.ts';
import { segmentStart } from './segment-name.ts';
import {
  commitsIn,
  Following,
  flushed,
  Load,
  makeSynchronous,
  serversBytes,
  temporary,
} from './testing/following.ts';
import { parseTimelineHistory } from './timeline-history.ts';

const SMALL = ['--wal-segsize=1'];
const settings = { wal_keep_size: '200MB', hot_standby: 'on' };

testEachMajor(
  'it follows a standby through its promotion, and the next one through another (§4.3 #19, #20, #22)',
  async (major) => {
    using directory = temporary();
    await using first = await startPostgres({ major, initdb: SMALL, settings });
    await Load.prepare(first);
    await using second = await first.makeStandby();
    await using following = await Following.start(second, { directory: directory.path });
    await first.sql(
      "insert into load select 1, g, repeat('x', 500) from generate_series(1, 4000) g",
    );
    await first.waitForReplay(second);
    await following.until('connected', () => following.of('connected').length > 0);
    assert.equal(following.of('connected')[0]!.server.standby, true);
    await first.kill9();
    await second.promote();
    await second.sql("insert into load values (2, 2, 'on timeline 2')");
    await second.sql(
      "insert into load select 2, g, repeat('y', 500) from generate_series(1, 4000) g",
    );
    await following.reaches(await flushed(second), 2);
    const [promoted] = following.of('timeline-switch');
    assert.deepEqual([promoted!.from, promoted!.to], [1, 2]);

    await using third = await second.makeStandby();
    await following.stop();
    // The journal ends on timeline 2; the server it meets next is on 3.
    await second.sql("insert into load values (3, 3, 'not followed')");
    await second.waitForReplay(third);
    await second.kill9();
    await third.promote();
    await third.sql("insert into load values (4, 4, 'on timeline 3')");
    await using again = await Following.start(third, { directory: directory.path });
    await again.reaches(await flushed(third), 3);
    assert.deepEqual(
      again.of('timeline-switch').map(({ from, to }) => [from, to]),
      [[2, 3]],
    );
    assert.equal(again.of('gap').length, 0);

    const histories = await again.journal.histories();
    assert.deepEqual([...histories.keys()].sort(), ['00000002.history', '00000003.history']);
    const history = parseTimelineHistory(3, histories.get('00000003.history')!);
    assert.equal(history.ancestors[0]!.end, promoted!.at);
    // The segment that holds the fork exists on both timelines, the same up to the fork.
    const segmentSize = again.journal.segmentSize;
    for (const { timeline, end } of history.ancestors) {
      const start = segmentStart(end, segmentSize);
      if (start === end) continue;
      const pair = again.journal.segments.filter(
        (segment) =>
          segment.number === start / BigInt(segmentSize) &&
          (segment.timeline === timeline || segment.timeline === timeline + 1),
      );
      assert.equal(pair.length, 2, `timeline ${timeline}`);
      const shared = Number(end - start);
      assert.equal(pair[0]!.length, shared, 'the old timeline ends at the fork');
      const [a, b] = [
        await again.journal.read(pair[0]!, 0, shared),
        await again.journal.read(pair[1]!, 0, shared),
      ];
      assert.ok(a.equals(b));
    }
    for (const { name, timeline, length } of again.journal.segments) {
      const stored = await again.journal.read({ timeline, name }, 0, length);
      if (timeline === 3) assert.ok(stored.equals(serversBytes(third, name, length)), name);
      if (timeline === 2) assert.ok(stored.equals(serversBytes(second, name, length)), name);
    }
    const last = await third.value('select xmin from load where client = 4');
    assert.ok((await commitsIn(again.journal, 3)).has(Number(last)), 'the last commit is there');
    const missed = await third.value('select xmin from load where client = 3');
    assert.ok((await commitsIn(again.journal, 2)).has(Number(missed)), 'what came while away too');
  },
  { quick: [14, 18] },
);

testEachMajor(
  'a promoted standby that had less than the receiver: the rest is kept and reported as lost by it',
  async (major) => {
    using directory = temporary();
    await using first = await startPostgres({ major, initdb: SMALL, settings });
    await Load.prepare(first);
    await using second = await first.makeStandby();
    await using following = await Following.start(first, {
      directory: directory.path,
      source: {
        host: first.socketDir,
        port: first.port,
        otherHosts: [{ host: second.socketDir, port: second.port }],
        user: first.superuser,
        applicationName: 'holdfast_log',
      },
    });
    await following.reaches(await flushed(first));
    await makeSynchronous(first);
    await first.waitForReplay(second);
    await second.sql("alter system set primary_conninfo = 'port=1'");
    await second.sql('select pg_reload_conf()');
    await sleep(500);
    await first.sql("insert into load values (7, 7, 'only the receiver has it')");
    const xid = Number(await first.value('select xmin from load where client = 7'));
    await first.kill9();
    await second.promote();
    await second.sql("insert into load values (8, 8, 'on timeline 2')");
    await following.reaches(await flushed(second), 2);
    const [switched] = following.of('timeline-switch');
    assert.ok(switched!.beyond! > switched!.at, 'reported');
    const kept = (await commitsIn(following.journal, 1)).get(xid);
    assert.ok(kept && kept.start >= switched!.at, 'kept');
    // Timeline 2 gives the same number to a transaction of its own.
    assert.notDeepEqual((await commitsIn(following.journal, 2)).get(xid), kept);
  },
  { from: 18 },
);

testEachMajor(
  'of two primaries the newer timeline is followed; the one left behind alone is not',
  async (major) => {
    using directory = temporary();
    await using first = await startPostgres({ major, initdb: SMALL, settings });
    await Load.prepare(first);
    await using second = await first.makeStandby();
    const source = {
      host: first.socketDir,
      port: first.port,
      otherHosts: [{ host: second.socketDir, port: second.port }],
      user: first.superuser,
      applicationName: 'holdfast_log',
    };
    await using following = await Following.start(first, { directory: directory.path, source });
    await following.reaches(await flushed(first));
    await first.waitForReplay(second);
    await second.promote();
    await first.kill9();
    await second.sql("insert into load values (8, 8, 'on timeline 2')");
    await following.reaches(await flushed(second), 2);
    // The old primary comes back as if nothing had happened; the new one restarts.
    await first.start();
    await first.sql("insert into load values (9, 9, 'on the wrong side')");
    const before = following.of('disconnected').length;
    await second.stop('immediate');
    await following.until('left', () => following.of('disconnected').length >= before + 2);
    await second.start();
    await second.sql("insert into load values (10, 10, 'still on timeline 2')");
    await following.reaches(await flushed(second), 2);
    assert.equal(following.failure, undefined);
    assert.equal(following.end!.timeline, 2);
  },
  { from: 18 },
);
