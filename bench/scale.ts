/**
 * One cluster of a given size, end to end with the product's own commands: follow it under a write
 * load, back it up, restore to a second chosen at random, run every check on the restored server.
 * Memory is the peak resident set of each command's process. Prints one JSON line.
 *
 *     node bench/scale.ts <PostgreSQL major> <gigabytes>
 */
import { randomInt } from 'node:crypto';
import { join } from 'node:path';
import { openSession } from '../src/capture/source.ts';
import { formatInstant, type Instant, instant } from '../src/content/instant.ts';
import { proofLevel } from '../src/engines/postgres/check/proof-level.ts';
import { recoveryCheck } from '../src/engines/postgres/check/recovery-check.ts';
import { runChecks } from '../src/engines/postgres/check/run-checks.ts';
import { standardChecks } from '../src/engines/postgres/check/standard-checks.ts';
import { readClock } from '../src/engines/postgres/inspect/sql-facts.ts';
import { machine } from '../src/host/host.ts';
import type { BackupResult, RestoreResult } from '../src/operations/contract.ts';
import { everyCommitPresent, noCommitAfter } from '../src/recovery/demo/commit-checks.ts';
import { DEMO_SCHEMA } from '../src/recovery/demo/schema.ts';
import { Workload } from '../src/recovery/demo/workload.ts';
import { sourceOf } from '../test/recovery/scenario.ts';
import { startPostgres, type TestPostgres } from '../test/support/postgres.ts';
import { temporaryDirectory } from '../test/support/temporary.ts';
import { Product } from './product.ts';

const [major = 18, gigabytes = 1] = process.argv.slice(2).map(Number);
const ACCOUNTS = 4_000;
const FOLLOWED_MS = 8_000;

await using postgres = await startPostgres({
  major,
  initdb: ['--data-checksums'],
  settings: { max_wal_size: '8GB', shared_buffers: '256MB', wal_level: 'replica' },
});
await load(postgres, gigabytes);
const product = await Product.configure({ directory: temporaryDirectory(), postgres });
const follow = product.begin(['follow']);
await follow.said('Streaming from');
const workload = await Workload.start({
  source: sourceOf(postgres),
  clock: machine.clock,
  clients: 4,
  accounts: ACCOUNTS,
});
const backup = await product.run<BackupResult>(['backup']);
const target = await randomSecond(postgres);
await workload.stop();
const followed = await follow.stop();
await postgres.kill9();

const directory = join(temporaryDirectory(), 'restored');
const at = formatInstant(target);
const restore = await product.run<RestoreResult>([
  'restore',
  'main',
  '--to',
  directory,
  '--at',
  at,
  '--start',
]);
const { server, reached, phases } = restore.result;
if (!server || !reached) throw new Error('restore --start answered no server');
const results = await runChecks({
  checks: [
    recoveryCheck({ reached: reached.stoppedAt === 'target', detail: reached.time ?? '' }),
    ...standardChecks,
    everyCommitPresent({ acknowledged: workload.commits, until: target }),
    noCommitAfter({ acknowledged: workload.commits, target }),
  ],
  context: {
    host: machine,
    dataDir: directory,
    connect: (database) =>
      openSession(
        {
          name: 'restored',
          reach: async () => ({
            host: server.socketDirectory,
            port: server.port,
            user: 'postgres',
            database,
          }),
        },
        { applicationName: 'bench' },
      ),
  },
});
process.kill(server.pid, 'SIGINT');
console.log(
  JSON.stringify({
    major,
    bytes: backup.result.snapshot.bytesTotal,
    stored: backup.result.snapshot.bytesStored,
    commits: workload.commits.length,
    seconds: { backup: backup.seconds, restore: restore.seconds, ...phases },
    peakMegabytes: {
      backup: backup.peakMegabytes,
      follow: followed.peakMegabytes,
      restore: restore.peakMegabytes,
    },
    proofLevel: proofLevel({ bytesAuthenticated: true, results }),
    checks: results.map(({ name, ok }) => `${name}: ${ok ? 'ok' : 'FAILED'}`),
  }),
);

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
