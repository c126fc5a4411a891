import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import { type Instant, instant, instantOfMillis, parseInstant } from '../../src/content/instant.ts';
import { parseLsn } from '../../src/engines/postgres/lsn.ts';
import { isHoldfastError } from '../../src/errors/holdfast-error.ts';
import type { Target } from '../../src/recovery/target/target.ts';
import type { Repository } from '../../src/repository/repository.ts';
import { temporaryRepository } from '../doubles/temporary-repository.ts';
import { snapshotOf, sourceOf } from '../recovery/scenario.ts';
import { testEachMajor } from '../support/majors.ts';
import { startPostgres, type TestPostgres } from '../support/postgres.ts';
import { soak, soaking } from '../support/soak.ts';
import { follow, stored, until } from './followed.ts';
import {
  createCommitsTable,
  lastOf,
  type NumberedCommit,
  NumberedCommits,
} from './numbered-commits.ts';
import { assertExactly, recover, stateOf } from './recovered.ts';

const now = (): Instant => instantOfMillis(Date.now());
const SECOND = 1_000_000;

interface History {
  readonly repository: Repository;
  readonly commits: readonly NumberedCommit[];
  readonly snapshot: { readonly id: string; readonly from: Instant; readonly to: Instant };
  /** Targets, with the moments before and after the one they name. */
  readonly marks: readonly {
    readonly target: Target;
    readonly from: Instant;
    readonly to: Instant;
  }[];
  /** Between the snapshot and the end, away from both. */
  readonly span: { readonly from: Instant; readonly to: Instant };
  readonly covered: Instant;
}

async function live(repository: Repository, postgres: TestPostgres): Promise<History> {
  const source = sourceOf(postgres);
  await createCommitsTable(postgres);
  await using follower = await follow({ repository, source });
  const clients = await NumberedCommits.start({ source });
  await clients.more(50);
  const taken = await snapshotOf(repository, source);
  const snapshot = {
    id: taken.snapshot.id,
    from: parseInstant(taken.document.startedAt),
    to: parseInstant(taken.document.stoppedAt),
  };
  await clients.more(50);
  const marks: History['marks'][number][] = [];
  const mark = async (statement: string, target: (value: string) => Target) => {
    const from = now();
    const value = await postgres.value(statement);
    marks.push({ target: target(value), from, to: instant(now() + 1000) });
    await clients.more(40);
  };
  const from = now();
  await mark("select pg_create_restore_point('before_migration')", () => ({
    kind: 'name',
    name: 'before_migration',
  }));
  await postgres.sql('select pg_switch_wal()');
  await clients.more(40);
  await mark('select pg_current_wal_insert_lsn()', (text) => ({
    kind: 'lsn',
    lsn: parseLsn(text),
  }));
  const to = now();
  await clients.more(50);
  const commits = await clients.stop();
  const chosen = commits[Math.floor(commits.length / 2)] as NumberedCommit;
  marks.push({
    target: { kind: 'xid', xid: chosen.xid },
    from: chosen.sent,
    to: chosen.acknowledged,
  });
  await stored(follower, postgres);
  // A quiet time after the last commit: covered by what the server says, not by commits.
  const quiet = now();
  await until('the quiet time is covered', async () => {
    const [range] = (await stateOf(repository)).ranges;
    return range !== undefined && range.throughTime > quiet;
  });
  const covered = (await stateOf(repository)).ranges[0]?.throughTime as Instant;
  return { repository, commits, snapshot, marks, span: { from, to }, covered };
}

/** Between these a random time and both ends will do: the soak run takes every target on all. */
const isEdge = (major: number): boolean => major === 14 || major === 18;

testEachMajor(
  'every kind of target restores exactly its commits',
  async (major) => {
    await using place = await temporaryRepository();
    const { repository } = place;
    await using postgres = await startPostgres({ major });
    const history = await live(repository, postgres);
    const { commits, snapshot, marks, span, covered } = history;
    await postgres.kill9();
    const end = lastOf(commits);

    for (let round = 0; round < soak(12, 1); round++) {
      const time = instant(randomInt(span.from, span.to));
      await using recovered = await recover({ repository, target: { kind: 'time', time } });
      assertExactly({ recovered, commits, present: time, absent: time });
      assert.equal(recovered.reached.stoppedAt, 'target');
    }
    for (const { target, from, to } of isEdge(major) || soaking ? marks : []) {
      await using recovered = await recover({ repository, target });
      assertExactly({ recovered, commits, present: from, absent: to });
      assert.equal(recovered.reached.stoppedAt, 'target', target.kind);
      if (target.kind !== 'xid') continue;
      const own = commits.find(({ xid }) => xid === target.xid);
      assert.ok(recovered.ids.has(own?.id ?? 0), 'the transaction itself is in');
    }
    if (isEdge(major) || soaking) {
      const target: Target = { kind: 'snapshot', id: snapshot.id };
      await using recovered = await recover({ repository, target });
      assertExactly({ recovered, commits, present: snapshot.from, absent: snapshot.to });
    }
    {
      await using recovered = await recover({ repository, target: { kind: 'latest' } });
      assertExactly({ recovered, commits, present: end });
    }
    {
      // Nothing was committed between the last commit and this time, which is covered all the same.
      assert.ok(covered > end + 1, 'there is a covered time after the last commit');
      const target: Target = { kind: 'time', time: covered };
      await using recovered = await recover({ repository, target });
      assertExactly({ recovered, commits, present: end });
      assert.equal(recovered.reached.stoppedAt, 'covered-end');
      assert.match(recovered.resolution.notes.join(), /No transaction ended after/);
    }
    const tooLate: Target = { kind: 'time', time: instant(covered + SECOND) };
    await assert.rejects(recover({ repository, target: tooLate }), (error) =>
      isHoldfastError(error, 'TARGET_OUTSIDE_WINDOW'),
    );
  },
  { timeout: soak(900_000, 120_000) },
);
