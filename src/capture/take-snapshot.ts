import { formatInstant } from '../content/instant.ts';
import type { OnProgress } from '../content/progress.ts';
import { type CapturedBackup, captureBaseBackup } from '../engines/postgres/capture/base-backup.ts';
import {
  type CaptureParent,
  type CapturePlan,
  fallbackAfter,
  planCapture,
} from '../engines/postgres/capture/plan-capture.ts';
import { inspect } from '../engines/postgres/inspect/inspect.ts';
import type { Inspection } from '../engines/postgres/inspect/inspection.ts';
import { readClock } from '../engines/postgres/inspect/sql-facts.ts';
import { parseLsn } from '../engines/postgres/lsn.ts';
import type { Connection } from '../engines/postgres/protocol/connection.ts';
import { DOCUMENT, type PostgresSnapshotDocument } from '../engines/postgres/snapshot-document.ts';
import { HoldfastError, isHoldfastError } from '../errors/holdfast-error.ts';
import { Lease } from '../repository/leases/lease.ts';
import { leasedStore } from '../repository/leases/leased-store.ts';
import type { Lineage } from '../repository/lineages.ts';
import type { Repository } from '../repository/repository.ts';
import { Session } from '../repository/sessions/session.ts';
import { listSnapshots } from '../repository/snapshots/list-snapshots.ts';
import { readDocument } from '../repository/snapshots/read-snapshot.ts';
import type { Snapshot } from '../repository/snapshots/snapshot.ts';
import { beginSnapshot } from '../repository/snapshots/snapshot-writer.ts';
import { enrolLineage } from './enrol-lineage.ts';
import { ensureLog } from './ensure-log.ts';
import { retainLog } from './retain-log.ts';
import { snapshotDocument } from './snapshot-document.ts';
import { openSession, type PostgresSource } from './source.ts';

export interface TakeSnapshotOptions {
  readonly repository: Repository;
  readonly source: PostgresSource;
  readonly checkpoint: 'fast' | 'spread';
  /** For people, in leases: `db1, process 4711`. */
  readonly holder: string;
  readonly leaseTtlMs?: number;
  /** Reads and stores everything, whatever the parent holds. */
  readonly full?: boolean;
  readonly workers?: number;
  readonly onProgress?: OnProgress;
  readonly onNotice?: (sentence: string) => void;
  readonly signal?: AbortSignal;
}

export interface TakenSnapshot {
  readonly snapshot: Snapshot;
  readonly document: PostgresSnapshotDocument;
  readonly lineage: Lineage;
  /** Another cluster than the source's earlier snapshots: pg_upgrade, or created anew. */
  readonly newLineage: boolean;
  readonly inspection: Inspection;
  readonly captured: CapturedBackup;
}

/**
 * Takes a snapshot of a source: full the first time, incremental after; it restores as a full one
 * either way. Resolves once it is committed, with its own start-to-stop log in the repository.
 */
export async function takeSnapshot(options: TakeSnapshotOptions): Promise<TakenSnapshot> {
  const { repository, source, holder, leaseTtlMs, signal, onNotice } = options;
  const open = (applicationName: string) =>
    openSession(source, { replication: 'database', applicationName, signal });
  await using sql = await open('holdfast_backup');
  await using backup = await open('holdfast_backup');
  if (sql.peer.address !== backup.peer.address) {
    throw new HoldfastError('CAPTURE_SERVER_CHANGED', {
      first: sql.peer.address,
      second: backup.peer.address,
    });
  }
  const inspection = await inspect({ replication: sql, signal });
  refuseBlockers(inspection);
  const { lineage, newLineage } = await enrolLineage({ ...options, inspection });
  const { snapshots } = await listSnapshots({ repository, lineage: lineage.id });
  const parent = options.full ? undefined : snapshots.at(-1);

  await using lease = await Lease.acquire({
    repository,
    lineage: lineage.id,
    role: 'snapshots',
    holder,
    after: snapshots.at(-1)?.generation ?? 0,
    ...(leaseTtlMs !== undefined && { ttlMs: leaseTtlMs }),
    ...(signal && { signal }),
    onWaiting: ({ holder: other }) =>
      onNotice?.(`Waiting to see whether ${other} is still writing snapshots of ${source.name}.`),
  });
  lease.keepAlive();
  await using session = await Session.begin({
    repository,
    lineage: lineage.id,
    kind: 'write',
    parent: parent?.id ?? null,
    holder,
  });
  const { random } = repository.host;
  const retained = await retainLog({ source, connection: sql, random, signal });

  // Writes wait out an outage of the store under the lease instead of ending a long run.
  const { store, host } = repository;
  const leased = {
    ...repository,
    store: leasedStore({ store, host, lease, ...(signal && { signal }) }),
  };
  const guard = () => session.guard();
  const run = { ...options, repository: leased, sql, backup, inspection, lineage, lease, guard };
  const taken = await capture({ ...run, parent }).catch(async (error: unknown) => {
    throw await retained.explain(error);
  });
  return { ...taken, lineage, newLineage, inspection };
}

interface Run extends TakeSnapshotOptions {
  readonly sql: Connection;
  readonly backup: Connection;
  readonly inspection: Inspection;
  readonly lineage: Lineage;
  readonly lease: Lease;
  readonly guard: () => void;
  readonly parent: Snapshot | undefined;
}

type Captured = Pick<TakenSnapshot, 'snapshot' | 'document' | 'captured'>;

async function capture(run: Run): Promise<Captured> {
  const { parent, inspection, onNotice } = run;
  let plan = planCapture({ inspection, parent: parent && parentOf(parent) });
  for (;;) {
    try {
      return await captureAs({ ...run, plan });
    } catch (error) {
      // Some of it can only be known by trying: this incremental cannot be had, a backup can.
      const fallback = nextPlan(plan, error);
      if (!fallback) throw error;
      onNotice?.(
        `No ${plan.kind} snapshot: ${fallback.reason} Taking it ${fallback.kind} instead.`,
      );
      plan = fallback;
    }
  }
}

/** Each plan gives way to one that asks for less; a full one asks for nothing. */
function nextPlan(plan: CapturePlan, error: unknown): CapturePlan | undefined {
  if (plan.kind === 'full' || !isHoldfastError(error)) return undefined;
  const refused = plan.kind === 'native-incremental' ? fallbackAfter(error) : undefined;
  if (refused) return refused;
  return SPOILT_PARENT.has(error.code) ? { kind: 'full', reason: error.message } : undefined;
}

/** The parent cannot be built on; without a new full one no later backup would succeed either. */
const SPOILT_PARENT: ReadonlySet<string> = new Set([
  'OBJECT_CORRUPT',
  'SNAPSHOT_INCOMPLETE',
  'SNAPSHOT_PARENT_DELETED',
  'STORE_ABSENT',
]);

async function captureAs(run: Run & { readonly plan: CapturePlan }): Promise<Captured> {
  const { repository, lineage, lease, plan, inspection, sql, workers } = run;
  const parent = plan.kind === 'full' ? undefined : run.parent;
  const manifest =
    parent && plan.kind === 'native-incremental'
      ? await readDocument({ repository, snapshot: parent, name: DOCUMENT.manifest })
      : undefined;
  const writer = await beginSnapshot({
    repository,
    lineage: lineage.id,
    generation: lease.generation,
    guard: run.guard,
    ...(parent && { parent }),
    ...(workers !== undefined && { workers }),
  });
  try {
    const startedAt = formatInstant(await readClock(sql, run.signal));
    const captured = await captureBaseBackup({
      connection: run.backup,
      sink: writer,
      ...(manifest && { parent: { manifest, sql } }),
      label: `holdfast ${run.source.name}`,
      checkpoint: run.checkpoint,
      ...(run.onProgress && { onProgress: run.onProgress }),
      signal: run.signal,
    });
    const document = snapshotDocument({
      plan,
      inspection,
      captured,
      startedAt,
      stoppedAt: formatInstant(await readClock(sql, run.signal)),
    });
    writer.document(DOCUMENT.manifest, captured.manifest);
    writer.document(DOCUMENT.backupLabel, captured.backupLabel);
    if (captured.tablespaceMap) writer.document(DOCUMENT.tablespaceMap, captured.tablespaceMap);
    await ensureLog({
      ...run,
      timeline: captured.stopTimeline,
      from: captured.startLsn,
      to: captured.stopLsn,
    });
    const snapshot = await writer.commit({ engine: { ...document } });
    return { snapshot, document, captured };
  } catch (error) {
    await writer.abort();
    throw error;
  }
}

/** What planning needs to know of the snapshot that would be the parent. */
function parentOf(parent: Snapshot): CaptureParent {
  const document = parent.engine as unknown as PostgresSnapshotDocument;
  return {
    systemIdentifier: document.systemIdentifier,
    serverVersionNum: document.serverVersionNum,
    walSegmentSize: document.walSegmentSize,
    dataChecksums: document.dataChecksums,
    startTimeline: document.startTimeline,
    startLsn: parseLsn(document.startLsn),
    stopTimeline: document.stopTimeline,
    stopLsn: parseLsn(document.stopLsn),
    hasManifest: parent.documents.has(DOCUMENT.manifest),
  };
}

function refuseBlockers(inspection: Inspection): void {
  const blocker = inspection.hazards.find(({ severity }) => severity === 'blocker');
  if (!blocker) return;
  throw new HoldfastError('CAPTURE_BLOCKED', {
    address: inspection.address,
    reason: blocker.message,
    fix: blocker.fix,
  });
}
