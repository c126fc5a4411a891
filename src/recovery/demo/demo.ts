import { join } from 'node:path';
import { Follower } from '../../capture/follower.ts';
import { openSession } from '../../capture/source.ts';
import { type TakenSnapshot, takeSnapshot } from '../../capture/take-snapshot.ts';
import type { Instant } from '../../content/instant.ts';
import type { OnProgress } from '../../content/progress.ts';
import { lowestProofLevel, type ProofLevel } from '../../engines/postgres/check/proof-level.ts';
import { readClock } from '../../engines/postgres/inspect/sql-facts.ts';
import type { Connection } from '../../engines/postgres/protocol/connection.ts';
import type { Host } from '../../host/host.ts';
import { createRepository, type Repository } from '../../repository/repository.ts';
import { createRoot, FileSystemStore } from '../../store/filesystem/file-system-store.ts';
import { Phases } from '../phases.ts';
import { balancesAgree, everyCommitPresent, noCommitAfter, tableCheck } from './commit-checks.ts';
import { type DemoCluster, startDemoCluster } from './demo-cluster.ts';
import { type RehearsedRestore, rehearseRestore } from './restore-demo.ts';
import { DEMO_SCHEMA, DROPPED_TABLE, demoRows } from './schema.ts';
import { Workload } from './workload.ts';

export interface DemoOptions {
  readonly host: Host;
  /** Empty; everything goes below it. */
  readonly directory: string;
  readonly onProgress?: OnProgress;
  /** What happens, one sentence at a time. */
  readonly onNotice: (sentence: string) => void;
  readonly signal?: AbortSignal;
}

export interface DemoReport {
  readonly ok: boolean;
  readonly version: string;
  readonly commitsAcknowledged: number;
  readonly commitsLost: number;
  readonly proofLevel: ProofLevel;
  readonly snapshots: readonly TakenSnapshot[];
  readonly phases: Readonly<Record<string, number>>;
  readonly restores: readonly RehearsedRestore[];
}

const MEGABYTES = 12;
const CLIENTS = 4;
const ACCOUNTS = MEGABYTES * 400;
const SYNCHRONOUS_NAME = 'holdfast';
/** Of writing between the steps, so that there is something to lose and to keep. */
const LULL_MS = 1_500;

/**
 * The whole promise on a throw-away PostgreSQL: follow it as its synchronous standby, take a full
 * and an incremental snapshot under load, note a moment, lose a table and then everything, and
 * restore both the moment and the last acknowledged commit.
 */
export async function runDemo(options: DemoOptions): Promise<DemoReport> {
  const { host, directory, onNotice } = options;
  const phases = new Phases(host.clock);
  const cluster = await phases.measure('start', () => startDemoCluster({ host, directory }));
  await using _server = cluster.server;
  await using session = await openSession(cluster.source, { applicationName: 'demo' });
  onNotice(`PostgreSQL ${cluster.binaries.version} is running; filling it.`);
  await phases.measure('load', () => fill(session));
  const repository = await newRepository(options);

  await using follower = await Follower.start({
    repository,
    source: cluster.source,
    journal: join(directory, 'journal'),
    applicationName: SYNCHRONOUS_NAME,
    slot: 'holdfast',
    holder: 'demo',
  });
  await makeSynchronous({ session, host, follower });
  onNotice(
    'Following its log as a synchronous standby: no commit is acknowledged before we have it.',
  );
  const workload = await Workload.start({
    source: cluster.source,
    clock: host.clock,
    clients: CLIENTS,
    accounts: ACCOUNTS,
  });
  const disaster = { ...options, cluster, session, repository, follower, workload, phases };
  const { snapshots, moment } = await protectAndDestroy(disaster);

  let lost = 0;
  const acknowledged = workload.commits;
  const rehearse = { ...options, repository, lineage: follower.lineage };
  onNotice('Restoring to the noted moment, before the table was dropped.');
  const toMoment = await rehearseRestore({
    ...rehearse,
    target: { kind: 'time', time: moment },
    directory: join(directory, 'restored-to-moment'),
    checks: [
      everyCommitPresent({ acknowledged, until: moment }),
      noCommitAfter({ acknowledged, target: moment }),
      balancesAgree,
      tableCheck({ table: DROPPED_TABLE, exists: true }),
    ],
  });
  onNotice('Restoring to the last acknowledged commit.');
  const toLatest = await rehearseRestore({
    ...rehearse,
    target: { kind: 'latest' },
    directory: join(directory, 'restored-to-latest'),
    checks: [
      everyCommitPresent({
        acknowledged,
        onLost: (missing) => {
          lost = missing;
        },
      }),
      balancesAgree,
      tableCheck({ table: DROPPED_TABLE, exists: false }),
    ],
  });
  const restores = [toMoment, toLatest];
  return {
    ok: restores.every(({ checks }) => checks.every(({ ok }) => ok)),
    version: cluster.binaries.version,
    commitsAcknowledged: acknowledged.length,
    commitsLost: lost,
    proofLevel: lowestProofLevel(restores.map(({ proofLevel }) => proofLevel)),
    snapshots,
    phases: {
      ...phases.seconds,
      'restore-to-moment': toMoment.seconds,
      'restore-to-latest': toLatest.seconds,
      checks: sum(restores.flatMap(({ checks }) => checks.map(({ seconds }) => seconds))),
    },
    restores,
  };
}

interface Disaster extends DemoOptions {
  readonly cluster: DemoCluster;
  readonly session: Connection;
  readonly repository: Repository;
  readonly follower: Follower;
  readonly workload: Workload;
  readonly phases: Phases;
}

async function protectAndDestroy(
  run: Disaster,
): Promise<{ readonly snapshots: TakenSnapshot[]; readonly moment: Instant }> {
  const { host, cluster, session, follower, workload, phases, onNotice } = run;
  const lull = () => host.clock.sleep(LULL_MS, run.signal);
  const take = () =>
    takeSnapshot({
      repository: run.repository,
      source: cluster.source,
      checkpoint: 'fast',
      holder: 'demo',
      ...(run.onProgress && { onProgress: run.onProgress }),
      ...(run.signal && { signal: run.signal }),
    });
  onNotice(`${CLIENTS} clients are writing; taking a full snapshot.`);
  const full = await phases.measure('full', take);
  await lull();
  onNotice('Taking an incremental snapshot.');
  const incremental = await phases.measure('incremental', take);
  await lull();
  const moment = await readClock(session, run.signal);
  await lull();
  onNotice(
    `Disaster: dropping table ${DROPPED_TABLE}, then kill -9 and the data directory removed.`,
  );
  await session.query(`drop table ${DROPPED_TABLE}`);
  await lull();
  await phases.measure('disaster', async () => {
    await cluster.server.kill();
    await host.fs.promises.rm(cluster.dataDir, { recursive: true, force: true });
  });
  await workload.stop();
  await phases.measure('drain', () => follower.stop());
  return { snapshots: [full, incremental], moment };
}

async function fill(session: Connection): Promise<void> {
  await session.query(DEMO_SCHEMA);
  for (const statement of demoRows(MEGABYTES)) await session.query(statement);
}

async function newRepository(options: DemoOptions): Promise<Repository> {
  const { host, directory } = options;
  const root = join(directory, 'repository');
  await createRoot({ root, host });
  return await createRepository({
    store: new FileSystemStore({ root, host }),
    host,
    recipients: [{ unlock: { kind: 'key-file', key: host.random.bytes(32) }, label: 'demo' }],
  });
}

async function makeSynchronous(options: {
  readonly session: Connection;
  readonly host: Host;
  readonly follower: Follower;
}): Promise<void> {
  const { session, host, follower } = options;
  await follower.streaming;
  await session.query(`alter system set synchronous_standby_names = '${SYNCHRONOUS_NAME}'`);
  await session.query('select pg_reload_conf()');
  for (;;) {
    const [set] = await session.query(
      `select sync_state from pg_stat_replication where application_name = '${SYNCHRONOUS_NAME}'`,
    );
    if (set?.rows[0]?.[0] === 'sync') return;
    await host.clock.sleep(20);
  }
}

const sum = (values: readonly number[]) =>
  Math.round(values.reduce((a, b) => a + b, 0) * 1000) / 1000;
