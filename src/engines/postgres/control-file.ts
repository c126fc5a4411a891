import { join } from 'node:path';
import { HoldfastError } from '../../errors/holdfast-error.ts';
import type { Host } from '../../host/host.ts';
import { type Lsn, lsn } from './lsn.ts';
import { crc32c } from './wal/crc32c.ts';

/**
 * global/pg_control: 8192 bytes, little-endian on every platform we run on, aligned as C aligns
 * it. Version 1300 is PostgreSQL 13 to 16, 1700 is 17, 1800 is 18.
 *
 *       0  u64  system identifier          128  u64  unlogged LSN
 *       8  u32  control version            136  u64  minimum recovery point
 *      12  u32  catalog version            144  u32  its timeline
 *      16  i32  state                      152  u64  backup start point
 *      24  i64  time, s since 1970         160  u64  backup end point
 *      32  u64  checkpoint location        168  u8   backup end required
 *      40  u64  its redo location          172  i32  wal_level
 *      48  u32  its timeline               176  u8   wal_log_hints
 *      52  u32  the previous timeline      180  i32  max_connections
 *      56  u8   full page writes           184  i32  max_worker_processes
 *      64  u64  next transaction id        188  i32  max_wal_senders
 *      72  u32  next OID                   192  i32  max_prepared_transactions
 *     104  i64  checkpoint time            196  i32  max_locks_per_transaction
 *     216  u32  block size                 200  u8   track_commit_timestamp
 *     220  u32  blocks a segment file      252  u32  data checksum version, 0 is none
 *     224  u32  WAL block size             288  u32  CRC-32C of the bytes before it (≤ 17)
 *     228  u32  WAL segment size           292  u32  the same (18: one byte more before it)
 */
export interface ControlFile {
  readonly systemIdentifier: bigint;
  readonly controlVersion: number;
  readonly catalogVersion: number;
  readonly state: ControlState;
  readonly checkpoint: Lsn;
  readonly redo: Lsn;
  readonly timeline: number;
  readonly previousTimeline: number;
  /** Seconds since 1970, by the server's clock. */
  readonly checkpointTime: number;
  readonly nextXid: bigint;
  /** 0/0 unless in archive recovery: not consistent before it. */
  readonly minRecoveryPoint: Lsn;
  readonly minRecoveryPointTimeline: number;
  readonly backupStart: Lsn;
  readonly backupEnd: Lsn;
  readonly backupEndRequired: boolean;
  /** Recovery refuses, or pauses at, smaller values than these. */
  readonly settings: {
    readonly max_connections: number;
    readonly max_worker_processes: number;
    readonly max_wal_senders: number;
    readonly max_prepared_transactions: number;
    readonly max_locks_per_transaction: number;
  };
  readonly walLevel: 'minimal' | 'replica' | 'logical';
  readonly walLogHints: boolean;
  readonly blockSize: number;
  /** Blocks in a full segment file of a relation: 131072 is 1 GiB of 8 KiB blocks. */
  readonly segmentBlocks: number;
  readonly walBlockSize: number;
  readonly walSegmentSize: number;
  readonly dataChecksums: boolean;
}

const STATES = [
  'starting-up',
  'shut-down',
  'shut-down-in-recovery',
  'shutting-down',
  'in-crash-recovery',
  'in-archive-recovery',
  'in-production',
] as const;
export type ControlState = (typeof STATES)[number];

const WAL_LEVELS = ['minimal', 'replica', 'logical'] as const;
const CRC_OFFSET: Readonly<Record<number, number>> = { 1300: 288, 1700: 288, 1800: 292 };

/** POSTGRES_CONTROL_FILE_INVALID when the bytes are not a pg_control of 14 to 18. */
export function parseControlFile(bytes: Buffer, path = 'pg_control'): ControlFile {
  const invalid = (reason: string) =>
    new HoldfastError('POSTGRES_CONTROL_FILE_INVALID', { path, reason });
  if (bytes.length < 296) throw invalid(`it has ${bytes.length} bytes`);
  const controlVersion = bytes.readUInt32LE(8);
  const crcOffset = CRC_OFFSET[controlVersion];
  if (crcOffset === undefined) throw invalid(`its version is ${controlVersion}`);
  if (crc32c(bytes.subarray(0, crcOffset)) !== bytes.readUInt32LE(crcOffset)) {
    throw invalid('its checksum does not match');
  }
  const state = STATES[bytes.readInt32LE(16)];
  const walLevel = WAL_LEVELS[bytes.readInt32LE(172)];
  if (!state || !walLevel) throw invalid('its state is unknown');
  const position = (offset: number) => lsn(bytes.readBigUInt64LE(offset));
  return {
    systemIdentifier: bytes.readBigUInt64LE(0),
    controlVersion,
    catalogVersion: bytes.readUInt32LE(12),
    state,
    checkpoint: position(32),
    redo: position(40),
    timeline: bytes.readUInt32LE(48),
    previousTimeline: bytes.readUInt32LE(52),
    checkpointTime: Number(bytes.readBigInt64LE(104)),
    nextXid: bytes.readBigUInt64LE(64),
    minRecoveryPoint: position(136),
    minRecoveryPointTimeline: bytes.readUInt32LE(144),
    backupStart: position(152),
    backupEnd: position(160),
    backupEndRequired: bytes.readUInt8(168) !== 0,
    settings: {
      max_connections: bytes.readInt32LE(180),
      max_worker_processes: bytes.readInt32LE(184),
      max_wal_senders: bytes.readInt32LE(188),
      max_prepared_transactions: bytes.readInt32LE(192),
      max_locks_per_transaction: bytes.readInt32LE(196),
    },
    walLevel,
    walLogHints: bytes.readUInt8(176) !== 0,
    blockSize: bytes.readUInt32LE(216),
    segmentBlocks: bytes.readUInt32LE(220),
    walBlockSize: bytes.readUInt32LE(224),
    walSegmentSize: bytes.readUInt32LE(228),
    dataChecksums: bytes.readUInt32LE(252) !== 0,
  };
}

const ATTEMPTS = 10;
const PAUSE_MS = 5;

/**
 * Reads the control file of a data directory. PostgreSQL replaces it with one write, which some
 * file systems let a reader see half of: such a read is repeated before it counts as damage.
 * POSTGRES_CONTROL_FILE_ABSENT, _UNREADABLE or _INVALID otherwise.
 */
export async function readControlFile(options: {
  readonly host: Host;
  readonly dataDir: string;
}): Promise<ControlFile> {
  const { host, dataDir } = options;
  const path = join(dataDir, 'global', 'pg_control');
  for (let attempt = 1; ; attempt++) {
    try {
      return parseControlFile(await host.fs.promises.readFile(path), path);
    } catch (cause) {
      const error = controlFileError(cause, path);
      if (error.code !== 'POSTGRES_CONTROL_FILE_INVALID' || attempt === ATTEMPTS) throw error;
      await host.clock.sleep(PAUSE_MS);
    }
  }
}

function controlFileError(cause: unknown, path: string): HoldfastError {
  if (cause instanceof HoldfastError) return cause;
  const { code = '', message } = cause as NodeJS.ErrnoException;
  if (code === 'ENOENT' || code === 'ENOTDIR') {
    return new HoldfastError('POSTGRES_CONTROL_FILE_ABSENT', { path }, { cause });
  }
  const denied = code === 'EACCES' || code === 'EPERM';
  return new HoldfastError(
    denied ? 'POSTGRES_CONTROL_FILE_UNREADABLE' : 'POSTGRES_CONTROL_FILE_INVALID',
    { path, reason: message },
    { cause },
  );
}
