import type { Instant } from '../../../content/instant.ts';
import { HoldfastError } from '../../../errors/holdfast-error.ts';
import { type Lsn, lsn } from '../lsn.ts';
import { instantOfPostgres, postgresOfMillis } from './record-content.ts';

/**
 * The CopyData payloads of streaming replication (PostgreSQL documentation, "Streaming Replication
 * Protocol"). Big-endian.
 *
 *   XLogData           'w'  Int64 start, Int64 end of WAL on the server, Int64 time, bytes
 *   Primary keepalive  'k'  Int64 end of WAL on the server, Int64 time, Byte1 reply at once
 *   Standby status     'r'  Int64 written, Int64 flushed, Int64 applied, Int64 time, Byte1 reply
 */
const XLOG_DATA = 0x77;
const KEEPALIVE = 0x6b;
const STATUS_UPDATE = 0x72;
const XLOG_DATA_HEADER = 25;
const KEEPALIVE_LENGTH = 18;

export type ReplicationMessage =
  | {
      readonly kind: 'data';
      readonly start: Lsn;
      readonly serverEnd: Lsn;
      readonly time: Instant;
      /** Borrowed. */
      readonly bytes: Buffer;
    }
  | {
      readonly kind: 'keepalive';
      readonly serverEnd: Lsn;
      readonly time: Instant;
      readonly replyRequested: boolean;
    };

/** Undefined for a message this program need not know: later versions may send more kinds. */
export function parseReplicationMessage(payload: Buffer): ReplicationMessage | undefined {
  const kind = payload[0];
  if (kind === XLOG_DATA && payload.length >= XLOG_DATA_HEADER) {
    return {
      kind: 'data',
      start: lsn(payload.readBigUInt64BE(1)),
      serverEnd: lsn(payload.readBigUInt64BE(9)),
      time: instantOfPostgres(payload.readBigInt64BE(17)),
      bytes: payload.subarray(XLOG_DATA_HEADER),
    };
  }
  if (kind === KEEPALIVE && payload.length >= KEEPALIVE_LENGTH) {
    return {
      kind: 'keepalive',
      serverEnd: lsn(payload.readBigUInt64BE(1)),
      time: instantOfPostgres(payload.readBigInt64BE(9)),
      replyRequested: payload[17] !== 0,
    };
  }
  if (kind === XLOG_DATA || kind === KEEPALIVE) {
    const reason = `a replication message of ${payload.length} bytes`;
    throw new HoldfastError('POSTGRES_PROTOCOL', { reason });
  }
  return undefined;
}

/** `applied` stays 0: this program stores the log and never applies it. */
export function standbyStatus(options: {
  readonly written: Lsn;
  readonly flushed: Lsn;
  readonly nowMillis: number;
  readonly replyRequested: boolean;
}): Buffer {
  const payload = Buffer.alloc(34);
  payload[0] = STATUS_UPDATE;
  payload.writeBigUInt64BE(options.written, 1);
  payload.writeBigUInt64BE(options.flushed, 9);
  payload.writeBigUInt64BE(0n, 17);
  payload.writeBigInt64BE(postgresOfMillis(options.nowMillis), 25);
  payload[33] = options.replyRequested ? 1 : 0;
  return payload;
}
