import { type Instant, instant } from '../../../content/instant.ts';
import { type Lsn, lsn } from '../lsn.ts';
import type { WalRecord } from './record-reader.ts';

export const RM_XLOG_ID = 0;
export const RM_XACT_ID = 1;

/** PostgreSQL: xact.h and pg_control.h; the low half of `info` is not the resource manager's. */
export const XLOG_XACT = {
  COMMIT: 0x00,
  ABORT: 0x20,
  COMMIT_PREPARED: 0x30,
  ABORT_PREPARED: 0x40,
  OPMASK: 0x70,
  HAS_INFO: 0x80,
} as const;

export const XLOG = {
  CHECKPOINT_SHUTDOWN: 0x00,
  CHECKPOINT_ONLINE: 0x10,
  SWITCH: 0x40,
  RESTORE_POINT: 0x70,
  END_OF_RECOVERY: 0x90,
  MASK: 0xf0,
} as const;

const XINFO = {
  HAS_DBINFO: 1 << 0,
  HAS_SUBXACTS: 1 << 1,
  HAS_RELFILELOCATORS: 1 << 2,
  HAS_INVALS: 1 << 3,
  HAS_TWOPHASE: 1 << 4,
  HAS_DROPPED_STATS: 1 << 8,
} as const;

/** Microseconds from the Unix epoch to 2000-01-01, where PostgreSQL counts from. */
const POSTGRES_EPOCH = 946_684_800_000_000;

export const instantOfPostgres = (micros: bigint): Instant =>
  instant(Number(micros) + POSTGRES_EPOCH);

export const postgresOfMillis = (millis: number): bigint =>
  BigInt(Math.round(millis * 1000)) - BigInt(POSTGRES_EPOCH);

/** The record's main data: what follows the block and data headers. Null when it has blocks. */
function mainData(body: Buffer): Buffer | null {
  let at = 0;
  while (at < body.length) {
    const id = body[at]!;
    if (id === 255) return body.subarray(at + 2, at + 2 + body[at + 1]!);
    if (id === 254) return body.subarray(at + 5, at + 5 + body.readUInt32LE(at + 1));
    if (id === 253) at += 3;
    else if (id === 252) at += 5;
    else return null;
  }
  return body.subarray(body.length);
}

export interface TransactionEnd {
  readonly kind: 'commit' | 'abort';
  /** The top transaction's, as recovery_target_xid counts; the prepared one's if it was prepared. */
  readonly xid: number;
  readonly time: Instant;
  readonly prepared: boolean;
  readonly subtransactions: readonly number[];
}

/** xl_xact_commit or xl_xact_abort; undefined for any other record of the transaction manager. */
export function transactionEnd(
  record: Pick<WalRecord, 'info' | 'xid' | 'body'>,
  majorVersion: number,
): TransactionEnd | undefined {
  const operation = record.info & XLOG_XACT.OPMASK;
  const commit = operation === XLOG_XACT.COMMIT || operation === XLOG_XACT.COMMIT_PREPARED;
  const abort = operation === XLOG_XACT.ABORT || operation === XLOG_XACT.ABORT_PREPARED;
  if (!commit && !abort) return undefined;
  const data = mainData(record.body);
  if (!data) return undefined;
  const prepared =
    operation === XLOG_XACT.COMMIT_PREPARED || operation === XLOG_XACT.ABORT_PREPARED;
  const kind = commit ? 'commit' : 'abort';
  const time = instantOfPostgres(data.readBigInt64LE(0));
  if ((record.info & XLOG_XACT.HAS_INFO) === 0) {
    return { kind, xid: record.xid, time, prepared, subtransactions: [] };
  }
  const xinfo = data.readUInt32LE(8);
  let at = 12;
  const skipArray = (flag: number, itemSize: number) => {
    if (xinfo & flag) at += 4 + data.readUInt32LE(at) * itemSize;
  };
  if (xinfo & XINFO.HAS_DBINFO) at += 8;
  const subtransactions: number[] = [];
  if (xinfo & XINFO.HAS_SUBXACTS) {
    const count = data.readUInt32LE(at);
    for (let item = 0; item < count; item++) {
      subtransactions.push(data.readUInt32LE(at + 4 + item * 4));
    }
    at += 4 + count * 4;
  }
  skipArray(XINFO.HAS_RELFILELOCATORS, 12);
  skipArray(XINFO.HAS_DROPPED_STATS, majorVersion >= 18 ? 16 : 12);
  if (commit) skipArray(XINFO.HAS_INVALS, 16);
  const xid = xinfo & XINFO.HAS_TWOPHASE ? data.readUInt32LE(at) : record.xid;
  return { kind, xid, time, prepared, subtransactions };
}

export interface CheckpointRecord {
  readonly shutdown: boolean;
  readonly redo: Lsn;
  readonly timeline: number;
  readonly previousTimeline: number;
  /** Whole seconds. */
  readonly time: Instant;
}

/** CheckPoint of pg_control.h: the fields before and at offset 64 are the same in 14–18. */
export function checkpointRecord(
  record: Pick<WalRecord, 'info' | 'body'>,
): CheckpointRecord | undefined {
  const data = mainData(record.body);
  if (!data || data.length < 72) return undefined;
  return {
    shutdown: (record.info & XLOG.MASK) === XLOG.CHECKPOINT_SHUTDOWN,
    redo: lsn(data.readBigUInt64LE(0)),
    timeline: data.readUInt32LE(8),
    previousTimeline: data.readUInt32LE(12),
    time: instant(Number(data.readBigInt64LE(64)) * 1_000_000),
  };
}

/** xl_restore_point: Int64 time, char[64] name. */
export function restorePointRecord(
  record: Pick<WalRecord, 'body'>,
): { readonly name: string; readonly time: Instant } | undefined {
  const data = mainData(record.body);
  if (!data || data.length < 72) return undefined;
  const end = data.indexOf(0, 8);
  return {
    name: data.toString('utf8', 8, end < 0 ? data.length : end),
    time: instantOfPostgres(data.readBigInt64LE(0)),
  };
}

/** xl_end_of_recovery: Int64 time, u32 this timeline, u32 the one before. */
export function endOfRecoveryRecord(
  record: Pick<WalRecord, 'body'>,
):
  | { readonly timeline: number; readonly previousTimeline: number; readonly time: Instant }
  | undefined {
  const data = mainData(record.body);
  if (!data || data.length < 16) return undefined;
  return {
    time: instantOfPostgres(data.readBigInt64LE(0)),
    timeline: data.readUInt32LE(8),
    previousTimeline: data.readUInt32LE(12),
  };
}
