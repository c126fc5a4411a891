import type { Config, Endpoint, KeySource } from '../config/config.ts';
import type { Environment } from '../config/environment.ts';
import type { Warning } from '../config/warning.ts';
import type { OnProgress } from '../content/progress.ts';
import type { Host } from '../host/host.ts';
import type { Target } from '../recovery/target/target.ts';

/**
 * What the commands ask for and what they get back. Results are the JSON of --json as they stand:
 * times are ISO 8601 in UTC, LSNs PostgreSQL's spelling, ids 32 hex digits, sizes bytes, spans
 * seconds. A field that is undefined is left out.
 */
export interface Operations {
  init(context: Context, request: InitRequest): Promise<InitResult>;
  backup(context: ConfiguredContext, request: BackupRequest): Promise<BackupResult>;
  /** Runs until `context.signal` aborts, then resolves once everything promised is safe. */
  follow(context: ConfiguredContext, request: SourceRequest): Promise<FollowResult>;
  restore(context: ConfiguredContext, request: RestoreRequest): Promise<RestoreResult>;
  verify(context: ConfiguredContext, request: VerifyRequest): Promise<VerifyResult>;
  list(context: ConfiguredContext, request: SourceRequest): Promise<ListResult>;
  show(context: ConfiguredContext, request: SnapshotRequest): Promise<ShowResult>;
  window(context: ConfiguredContext, request: SourceRequest): Promise<WindowResult>;
  deleteSnapshot(context: ConfiguredContext, request: DeleteRequest): Promise<DeleteResult>;
  doctor(context: ConfiguredContext, request: SourceRequest): Promise<DoctorResult>;
  demo(context: Context, request: DemoRequest): Promise<DemoResult>;
  walPush(context: ConfiguredContext, request: WalPushRequest): Promise<WalPushResult>;
  /** `absent` only when the repository answered that it does not hold the file. */
  walFetch(context: ConfiguredContext, request: WalFetchRequest): Promise<WalFetchResult>;
  keyAdd(context: ConfiguredContext, request: KeyAddRequest): Promise<KeyAddResult>;
  keyList(context: ConfiguredContext): Promise<KeyListResult>;
}

export interface Context {
  readonly host: Host;
  readonly environment: Environment;
  readonly signal: AbortSignal;
  readonly onProgress: OnProgress;
  /** One sentence a person should read now rather than at the end. */
  readonly onNotice: (sentence: string) => void;
}

export interface ConfiguredContext extends Context {
  readonly config: Config;
}

export interface InitRequest {
  /** Absolute. Used as it is when it exists, written otherwise. */
  readonly configFile: string;
  /** What to write when there is no file yet; undefined: find out or use the default. */
  readonly location?: string;
  readonly key?: KeySource;
  readonly sourceName?: string;
  readonly endpoint?: Endpoint;
  readonly user?: string;
  readonly database?: string;
  /** Go on although the store ignores conditional writes. */
  readonly allowUnsafeStore: boolean;
}

export interface InitResult {
  readonly configFile: string;
  readonly configWritten: boolean;
  readonly repository: {
    readonly id: string;
    readonly location: string;
    /** False: it was there already, and the key opens it. */
    readonly created: boolean;
  };
  readonly key: KeySource & { readonly created: boolean };
  /** What was found, one sentence each: "PostgreSQL 18.4 at /run/postgresql:5432, WAL summaries on". */
  readonly found: readonly string[];
  readonly warnings: readonly Warning[];
  /** The commands to run next, in order. */
  readonly next: readonly string[];
}

export interface SourceRequest {
  /** The name of a source; undefined: the only one, or all where a command can do all. */
  readonly source?: string;
}

export interface BackupRequest extends SourceRequest {
  /** Read and store everything, whatever the parent. */
  readonly full: boolean;
}

export interface SnapshotRequest extends SourceRequest {
  /** An id, or enough of its first digits to be the only one. */
  readonly snapshot: string;
}

/** `full`: everything was read and nothing compared. Every snapshot restores as a full one. */
export type SnapshotMethod = 'full' | 'native-incremental' | 'hash-incremental';

export interface SnapshotSummary {
  readonly id: string;
  readonly source: string;
  readonly lineage: string;
  readonly method: SnapshotMethod;
  readonly parent?: string;
  readonly startedAt: string;
  /** The first moment this snapshot can be restored to. */
  readonly consistentAt: string;
  readonly timeline: number;
  readonly startLsn: string;
  readonly stopLsn: string;
  readonly serverVersion: string;
  /** What a restore writes. */
  readonly bytesTotal: number;
  /** What this snapshot added to the repository. */
  readonly bytesStored: number;
  readonly filesTotal: number;
}

export interface BackupResult {
  readonly snapshot: SnapshotSummary;
  /** Why this method: "first snapshot", "the parent is not an ancestor", … */
  readonly reason: string;
  /** Whether this is another cluster than the last snapshot's (pg_upgrade, re-created). */
  readonly newLineage: boolean;
  readonly capturedFrom: { readonly address: string; readonly role: 'primary' | 'standby' };
  readonly seconds: number;
  readonly bytesRead: number;
  readonly pagesStored: number;
  readonly pagesShared: number;
  readonly packs: number;
  readonly warnings: readonly Warning[];
}

export interface FollowResult {
  readonly source: string;
  readonly lineage: string;
  readonly startedAt: string;
  readonly stoppedAt: string;
  readonly timeline: number;
  readonly startLsn: string;
  /** Durable in the journal. */
  readonly flushedLsn: string;
  /** Durable in the repository. */
  readonly storedLsn: string;
  readonly bytes: number;
  readonly reconnects: number;
  readonly warnings: readonly Warning[];
}

export interface RestoreRequest {
  readonly source: string;
  /** Absolute; must be absent or empty. */
  readonly directory: string;
  readonly target: Target;
  /** The target as the person wrote it, for messages. */
  readonly asked: string;
  readonly timeline?: number;
  readonly start: boolean;
  readonly dryRun: boolean;
  /** Original tablespace location → where to put it; absolute. */
  readonly tablespaces: ReadonlyMap<string, string>;
  /** Restore a snapshot although a verification of it failed. */
  readonly despiteFailedVerification: boolean;
  /** For the server of --start; undefined: any free one. */
  readonly port?: number;
}

export interface RestoreResult {
  readonly source: string;
  readonly directory: string;
  readonly dryRun: boolean;
  readonly target: string;
  readonly timeline: number;
  readonly snapshot: SnapshotSummary;
  /** The log that is replayed after the snapshot. */
  readonly log: { readonly fromLsn: string; readonly toLsn: string; readonly segments: number };
  /** Known once a server has replayed (--start). */
  readonly reached?: {
    readonly timeline: number;
    readonly lsn: string;
    /** Of the last transaction that is in. */
    readonly time?: string;
    /** `covered-end`: nothing was committed between the target and the end of the log held. */
    readonly stoppedAt: 'target' | 'covered-end';
  };
  readonly bytes: number;
  readonly seconds: number;
  readonly phases: Readonly<Record<string, number>>;
  /** The running server of --start. */
  readonly server?: {
    readonly pid: number;
    readonly socketDirectory: string;
    readonly port: number;
    /** How to reach it, ready to paste. */
    readonly connect: string;
    /** How to stop it, ready to paste. */
    readonly stop: string;
  };
  readonly warnings: readonly Warning[];
  readonly next: readonly string[];
}

export type VerifyLevel = 'V1' | 'V2' | 'V3';

export interface VerifyRequest extends SourceRequest {
  /** Undefined: the newest of every source. */
  readonly snapshot?: string;
  readonly all: boolean;
  readonly level: VerifyLevel;
}

export interface VerifyResult {
  /** False as soon as one snapshot has a problem: the command exits with `corrupt`. */
  readonly ok: boolean;
  readonly level: VerifyLevel;
  readonly seconds: number;
  readonly bytesRead: number;
  readonly snapshots: readonly {
    readonly id: string;
    readonly source: string;
    readonly ok: boolean;
    readonly packs: number;
    readonly problems: readonly string[];
  }[];
  readonly warnings: readonly Warning[];
}

export interface ListResult {
  /** Oldest first. */
  readonly snapshots: readonly SnapshotSummary[];
  /** Commits that are not on their lineage's chain, or whose signature does not hold. */
  readonly warnings: readonly Warning[];
}

export interface ShowResult {
  readonly snapshot: SnapshotSummary;
  readonly systemIdentifier: string;
  readonly capturedFrom: 'primary' | 'standby';
  readonly dataChecksums: boolean;
  /** Pages the server itself found damaged while it sent them. */
  readonly checksumFailures: number;
  readonly tablespaces: readonly { readonly oid: number; readonly location: string }[];
  readonly packs: number;
  /** The commands that use it, ready to paste. */
  readonly next: readonly string[];
}

export interface WindowResult {
  readonly source: string;
  readonly lineages: readonly {
    readonly lineage: string;
    readonly systemIdentifier: string;
    readonly timelines: readonly TimelineRanges[];
  }[];
  readonly warnings: readonly Warning[];
}

export interface TimelineRanges {
  readonly timeline: number;
  /** Every second of a range restores. */
  readonly ranges: readonly {
    readonly from: { readonly time: string; readonly lsn: string };
    readonly to: { readonly time: string; readonly lsn: string };
    readonly snapshot: string;
  }[];
  readonly gaps: readonly {
    readonly fromLsn: string;
    readonly toLsn: string;
    /** The first log segment that is missing. */
    readonly segment: string;
  }[];
}

export interface DeleteRequest extends SnapshotRequest {
  readonly dryRun: boolean;
}

export interface DeleteResult {
  readonly snapshot: SnapshotSummary;
  readonly dryRun: boolean;
  readonly objects: number;
  readonly bytes: number;
  readonly warnings: readonly Warning[];
}

export interface DoctorResult {
  /** False when a check is a `problem`. */
  readonly ok: boolean;
  readonly checks: readonly DoctorCheck[];
}

export interface DoctorCheck {
  /** Stable, for scripts: `repository.key`, `source.reachable`, `slot.retained`, … */
  readonly name: string;
  /** The repository or the source it is about. */
  readonly subject: string;
  readonly status: 'ok' | 'warning' | 'problem';
  readonly message: string;
  /** The exact next step; only where there is one. */
  readonly hint?: string;
}

export interface DemoRequest {
  /** Keep the throw-away directory and say where it is. */
  readonly keep: boolean;
}

/** A contract: scripts read these names. */
export interface DemoResult {
  readonly ok: boolean;
  readonly engine: 'postgres';
  readonly version: string;
  readonly commitsAcknowledged: number;
  readonly commitsLost: number;
  /** L0…L7 of docs/design/03-recovery.md, computed from the checks that ran. */
  readonly proofLevel: string;
  readonly snapshots: readonly SnapshotSummary[];
  /** Seconds. */
  readonly phases: Readonly<Record<string, number>>;
  readonly restores: readonly DemoRestore[];
  readonly directory?: string;
}

export interface DemoRestore {
  readonly target: string;
  readonly reached: string;
  readonly seconds: number;
  readonly checks: readonly DemoCheck[];
}

export interface DemoCheck {
  readonly name: string;
  readonly level: string;
  readonly ok: boolean;
  readonly detail?: string;
}

export interface WalPushRequest extends SourceRequest {
  /** Absolute: %p of archive_command, resolved against the server's working directory. */
  readonly file: string;
}

export interface WalPushResult {
  /** Names stored by this call: the one asked for, then others found ready beside it. */
  readonly stored: readonly string[];
  /** Names the repository already held with the same content. */
  readonly already: readonly string[];
}

export interface WalFetchRequest extends SourceRequest {
  /** %f of restore_command. */
  readonly name: string;
  /** Absolute: %p of restore_command. */
  readonly file: string;
}

export interface WalFetchResult {
  readonly name: string;
  readonly status: 'fetched' | 'absent';
}

export type KeyRole = 'full' | 'writer';

export interface KeyAddRequest {
  readonly role: KeyRole;
  /** A key file is created, and must not exist; a passphrase is read. */
  readonly key: KeySource;
  /** For people, in `key list`. */
  readonly label: string;
}

export interface KeyAddResult {
  readonly id: string;
  readonly role: KeyRole;
  readonly key: KeySource & { readonly created: boolean };
}

export interface KeyListResult {
  readonly keys: readonly {
    readonly id: string;
    readonly label: string;
    readonly created: string;
    readonly kind: 'passphrase' | 'key-file';
    readonly role: KeyRole;
  }[];
  /** Keys that cannot be read any more. */
  readonly warnings: readonly Warning[];
}
