import type { PostgresSnapshotDocument } from '../engines/postgres/snapshot-document.ts';
import type { Lineage } from '../repository/lineages.ts';
import type { Snapshot } from '../repository/snapshots/snapshot.ts';
import type { SnapshotSummary } from './contract.ts';

/** What PostgreSQL's part says of a snapshot; `engine` is whatever its commit was given. */
export const documentOf = ({ engine }: Snapshot): PostgresSnapshotDocument =>
  engine as unknown as PostgresSnapshotDocument;

export function snapshotSummary(options: {
  readonly snapshot: Snapshot;
  readonly lineage: Lineage;
}): SnapshotSummary {
  const { snapshot, lineage } = options;
  const document = documentOf(snapshot);
  const { bytesTotal, bytesStored, filesTotal } = snapshot.stats;
  return {
    id: snapshot.id,
    source: lineage.source,
    lineage: lineage.id,
    method: document.method,
    ...(snapshot.parent !== null && { parent: snapshot.parent }),
    startedAt: document.startedAt,
    consistentAt: document.stoppedAt,
    timeline: document.stopTimeline,
    startLsn: document.startLsn,
    stopLsn: document.stopLsn,
    serverVersion: serverVersion(document.serverVersionNum),
    bytesTotal,
    bytesStored,
    filesTotal,
  };
}

/** Of a snapshot just taken, or any other thing that carries both. */
export const takenSummary = ({
  snapshot,
  lineage,
}: {
  readonly snapshot: Snapshot;
  readonly lineage: Lineage;
}): SnapshotSummary => snapshotSummary({ snapshot, lineage });

/** 180004 → `18.4`. */
const serverVersion = (number: number): string =>
  `${Math.floor(number / 10_000)}.${number % 10_000}`;
