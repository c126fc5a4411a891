/**
 * One cluster of a given size, end to end: follow it under a write load, back it up, restore to a
 * second chosen at random, run every check. Prints one JSON line.
 *
 *     node bench/scale.ts <PostgreSQL major> <gigabytes>
 */
import { randomInt } from 'node:crypto';
import { join } from 'node:path';
import { Follower } from '../src/capture/follower.ts';
import { type Instant, instant } from '../src/content/instant.ts';
import { readClock } from '../src/engines/postgres/inspect/sql-facts.ts';
import { machine } from '../src/host/host.ts';
import { everyCommitPresent, noCommitAfter } from '../src/recovery/demo/commit-checks.ts';
import { rehearseRestore } from '../src/recovery/demo/restore-demo.ts';
import { DEMO_SCHEMA } from '../src/recovery/demo/schema.ts';
import { Workload } from '../src/recovery/demo/workload.ts';
import { Phases } from '../src/recovery/phases.ts';
import { temporaryRepository } from '../test/doubles/temporary-repository.ts';
import { snapshotOf, sourceOf } from '../test/recovery/scenario.ts';
import { startPostgres, type TestPostgres } from '../test/support/postgres.ts';
import { temporaryDirectory } from '../test/support/temporary.ts';

const [major = 18, gigabytes = 1] = process.argv.slice(2).map(Number);
const ACCOUNTS = 4_000;
const FOLLOWED_MS = 8_000;

await using place = await temporaryRepository();
const { repository } = place;
await using postgres = await startPostgres({
  major,
  initdb: ['--data-checksums'],
  settings: { max_wal_size: '8GB', shared_buffers: '256MB', wal_level: 'replica' },
});
const phases = new Phases(machine.clock);
await phases.measure('load', () => load(postgres, gigabytes));
const memory = peakMemory();
const source = sourceOf(postgres);
const follower = await Follower.start({
  repository,
  source,
  journal: join(temporaryDirectory(), 'journal'),
  applicationName: 'holdfast',
  slot: 'holdfast',
  holder: 'bench',
});
await follower.streaming;
const workload = await Workload.start({
  source,
  clock: machine.clock,
  clients: 4,
  accounts: ACCOUNTS,
});
const { snapshot } = await phases.measure('backup', () => snapshotOf(repository, source));
const backupPeak = memory.take();
const target = await randomSecond(postgres);
await workload.stop();
await phases.measure('drain', () => follower.stop());
await postgres.stop('immediate');
memory.take();
const restored = await rehearseRestore({
  host: machine,
  repository,
  lineage: follower.lineage,
  target: { kind: 'time', time: target },
  directory: join(temporaryDirectory(), 'restored'),
  checks: [
    everyCommitPresent({ acknowledged: workload.commits, until: target }),
    noCommitAfter({ acknowledged: workload.commits, target }),
  ],
});
console.log(
  JSON.stringify({
    major,
    bytes: snapshot.stats.bytesTotal,
    stored: snapshot.stats.bytesStored,
    commits: workload.commits.length,
    phases: phases.seconds,
    restore: restored.seconds,
    proofLevel: restored.proofLevel,
    failed: restored.checks.filter(({ ok }) => !ok),
    peakMegabytes: { backup: backupPeak, restore: memory.take() },
  }),
);
memory.stop();

async function load(server: TestPostgres, size: number): Promise<void> {
  await server.sql(DEMO_SCHEMA);
  await server.sql(`insert into customers
    select i, 'Customer ' || i, i || '@example.org' from generate_series(1, ${ACCOUNTS}) i`);
  await server.sql(`insert into accounts select i, i, 1000 from generate_series(1, ${ACCOUNTS}) i`);
  await server.sql('create table bulk (i bigint, note text)');
  const step = 500_000;
  const rows = Math.floor((size * 1e9) / 175);
  for (let from = 0; from < rows; from += step) {
    await server.sql(`insert into bulk select i, md5(i::text) || repeat(md5((i * 7)::text), 3)
      from generate_series(${from}, ${Math.min(from + step, rows) - 1}) i`);
  }
  await server.sql('checkpoint');
}

async function randomSecond(server: TestPostgres): Promise<Instant> {
  await using session = await server.connect();
  const from = await readClock(session, undefined);
  await machine.clock.sleep(FOLLOWED_MS);
  return instant(from + randomInt(1_000_000, FOLLOWED_MS * 1000 - 1_000_000));
}

/** Highest resident set of this process, in MB, since it was last taken. */
function peakMemory() {
  let peak = 0;
  const timer = setInterval(() => {
    peak = Math.max(peak, process.memoryUsage.rss());
  }, 20);
  return {
    take(): number {
      const megabytes = Math.round(peak / 1e6);
      peak = process.memoryUsage.rss();
      return megabytes;
    },
    stop: () => clearInterval(timer),
  };
}
