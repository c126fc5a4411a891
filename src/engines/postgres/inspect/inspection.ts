import type { Instant } from '../../../content/instant.ts';
import type { Lsn } from '../lsn.ts';
import type { TimelineHistory } from '../wal/timeline-history.ts';

/**
 * What a running server says of itself. A fact that this role or session may not read is
 * undefined, and `unknown` says why and what would make it known.
 */
export interface Inspection {
  readonly address: string;
  readonly systemIdentifier: string;
  readonly serverVersionNum: number;
  /** As the server spells it: `17.10 (Debian 17.10-1)`. */
  readonly serverVersion: string;
  readonly inRecovery: boolean;
  readonly timeline: number;
  /** Undefined on a later timeline when only SQL was at hand. */
  readonly history: TimelineHistory | undefined;
  /** Flushed (primary) or replayed (standby) up to here. */
  readonly position: Lsn;
  /** The server's clock. */
  readonly clock: Instant | undefined;
  readonly blockSize: number;
  readonly walSegmentSize: number;
  readonly dataChecksums: boolean;
  /** Every setting of `SETTINGS` that exists in this version and may be read. */
  readonly settings: Readonly<Record<string, string>>;
  readonly role: RoleFacts | undefined;
  readonly tablespaces: readonly TablespaceFacts[] | undefined;
  readonly databases: readonly DatabaseFacts[] | undefined;
  readonly slots: readonly SlotFacts[] | undefined;
  readonly archiver: ArchiverFacts | undefined;
  /** 17 and later. */
  readonly summarizer: SummarizerFacts | undefined;
  readonly control: ControlFacts | undefined;
  readonly unknown: readonly UnknownFact[];
  readonly hazards: readonly Hazard[];
}

export interface RoleFacts {
  readonly name: string;
  readonly superuser: boolean;
  readonly replication: boolean;
  /** Member of pg_monitor: sees everything of other sessions and all settings. */
  readonly monitor: boolean;
}

export interface TablespaceFacts {
  readonly oid: number;
  readonly name: string;
  readonly location: string;
  /** Undefined without pg_read_all_stats. */
  readonly size: number | undefined;
}

export interface DatabaseFacts {
  readonly oid: number;
  readonly name: string;
  readonly size: number | undefined;
  readonly template: boolean;
  readonly connectable: boolean;
}

export interface SlotFacts {
  readonly name: string;
  readonly type: 'physical' | 'logical';
  readonly active: boolean;
  readonly temporary: boolean;
  readonly restartLsn: Lsn | undefined;
  /** reserved, extended, unreserved, lost; undefined for a slot that reserves nothing. */
  readonly walStatus: string | undefined;
  /** Bytes that may still be written before it is lost; undefined when unlimited. */
  readonly safeWalSize: number | undefined;
  /** Bytes of WAL it keeps from being removed. */
  readonly retainedBytes: number | undefined;
}

export interface ArchiverFacts {
  readonly lastArchived: string | undefined;
  readonly lastFailed: string | undefined;
  /** The newest attempt failed. */
  readonly failing: boolean;
}

export interface SummarizerFacts {
  readonly timeline: number;
  readonly summarizedLsn: Lsn;
  readonly running: boolean;
  /** The WAL that summaries on disk cover, joined, per timeline, ascending. */
  readonly covered: readonly SummaryRange[];
}

export interface SummaryRange {
  readonly timeline: number;
  readonly start: Lsn;
  readonly end: Lsn;
}

export interface ControlFacts {
  readonly controlVersion: number;
  readonly catalogVersion: number;
  readonly checkpointLsn: Lsn;
  readonly redoLsn: Lsn;
  readonly checkpointTimeline: number;
  readonly checkpointAt: Instant;
}

export interface UnknownFact {
  readonly fact: string;
  readonly reason: string;
  readonly fix: string;
}

/** blocker: no backup can be taken; warning: something may be lost or grow; note: good to know. */
export type HazardSeverity = 'blocker' | 'warning' | 'note';

export interface Hazard {
  readonly code: string;
  readonly severity: HazardSeverity;
  readonly message: string;
  /** The exact statement or step; it may need a superuser. */
  readonly fix: string;
}

/** Recovery pauses or refuses to start when these are smaller than the primary had them. */
export const RECOVERY_SETTINGS = [
  'max_connections',
  'max_worker_processes',
  'max_wal_senders',
  'max_prepared_transactions',
  'max_locks_per_transaction',
] as const;

/** What hazards, recovery and the synthesised configuration of a restore are read from. */
export const SETTINGS = [
  ...RECOVERY_SETTINGS,
  'archive_command',
  'archive_library',
  'archive_mode',
  'archive_timeout',
  'block_size',
  'config_file',
  'data_checksums',
  'data_directory',
  'fsync',
  'full_page_writes',
  'hba_file',
  'ident_file',
  'idle_replication_slot_timeout',
  'lc_messages',
  'listen_addresses',
  'max_replication_slots',
  'max_slot_wal_keep_size',
  'port',
  'server_encoding',
  'shared_preload_libraries',
  'ssl',
  'summarize_wal',
  'synchronous_commit',
  'synchronous_standby_names',
  'TimeZone',
  'track_commit_timestamp',
  'unix_socket_directories',
  'wal_keep_size',
  'wal_level',
  'wal_segment_size',
  'wal_sender_timeout',
  'wal_summary_keep_time',
] as const;
