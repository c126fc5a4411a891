import type { CapturedBackup } from '../engines/postgres/capture/base-backup.ts';
import type { CapturePlan } from '../engines/postgres/capture/plan-capture.ts';
import { type Inspection, RECOVERY_SETTINGS } from '../engines/postgres/inspect/inspection.ts';
import { formatLsn } from '../engines/postgres/lsn.ts';
import type { PostgresSnapshotDocument } from '../engines/postgres/snapshot-document.ts';

/** Settings beside those recovery checks that a synthesised postgresql.conf needs. */
const ALSO_KEPT = ['TimeZone', 'shared_preload_libraries', 'track_commit_timestamp'] as const;

export function snapshotDocument(options: {
  readonly plan: CapturePlan;
  readonly inspection: Inspection;
  readonly captured: CapturedBackup;
  /** By the server's clock, ISO 8601. */
  readonly startedAt: string;
  readonly stoppedAt: string;
}): PostgresSnapshotDocument {
  const { plan, inspection, captured, startedAt, stoppedAt } = options;
  const settings: Record<string, string> = {};
  for (const name of [...RECOVERY_SETTINGS, ...ALSO_KEPT]) {
    const value = inspection.settings[name];
    if (value !== undefined && value !== '') settings[name] = value;
  }
  return {
    engine: 'postgres',
    method: plan.kind,
    reason: plan.reason,
    systemIdentifier: inspection.systemIdentifier,
    serverVersionNum: inspection.serverVersionNum,
    walSegmentSize: inspection.walSegmentSize,
    startTimeline: captured.startTimeline,
    startLsn: formatLsn(captured.startLsn),
    stopTimeline: captured.stopTimeline,
    stopLsn: formatLsn(captured.stopLsn),
    startedAt,
    stoppedAt,
    capturedFrom: captured.capturedFrom,
    dataChecksums: inspection.dataChecksums,
    checksumFailures: captured.checksumFailures,
    tablespaces: captured.tablespaces.map(({ oid, location }) => ({ oid, location })),
    settings,
  };
}
