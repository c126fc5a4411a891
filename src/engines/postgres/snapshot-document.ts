/**
 * What a snapshot of PostgreSQL says of itself, kept sealed in the repository's commit.
 * LSNs are PostgreSQL's spelling; times are ISO 8601 by the source server's clock, microseconds.
 */
export interface PostgresSnapshotDocument {
  readonly engine: 'postgres';
  readonly method: CaptureMethod;
  /** Why this method, for people: "first snapshot", "parent is not an ancestor", … */
  readonly reason: string;
  readonly systemIdentifier: string;
  readonly serverVersionNum: number;
  readonly walSegmentSize: number;
  readonly startTimeline: number;
  readonly startLsn: string;
  readonly stopTimeline: number;
  /** The first consistent position: nothing earlier can be restored from this snapshot. */
  readonly stopLsn: string;
  readonly startedAt: string;
  readonly stoppedAt: string;
  readonly capturedFrom: 'primary' | 'standby';
  readonly dataChecksums: boolean;
  /** Pages the server itself found damaged while sending; their bytes are kept as they were. */
  readonly checksumFailures: number;
  readonly tablespaces: readonly { readonly oid: number; readonly location: string }[];
  /** max_connections and its like: recovery refuses smaller values than the primary had. */
  readonly settings: Readonly<Record<string, string>>;
}

export type CaptureMethod = 'full' | 'native-incremental' | 'hash-incremental';

/** Names of the sealed documents beside a snapshot's files. */
export const DOCUMENT = {
  backupLabel: 'backup_label',
  tablespaceMap: 'tablespace_map',
  manifest: 'backup_manifest',
} as const;
