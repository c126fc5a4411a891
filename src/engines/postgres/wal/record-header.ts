/**
 * A record header (PostgreSQL: xlogrecord.h). Little-endian; records begin at multiples of 8 and
 * continue over page headers.
 *
 *    0  u32  total length, header included
 *    4  u32  transaction
 *    8  u64  start of the record before
 *   16  u8   info; the high half is the resource manager's
 *   17  u8   resource manager
 *   20  u32  CRC-32C of the bytes from 24 on, then of the bytes 0–19
 */
export const RECORD_HEADER = 24;
/** How much of the header its checksum covers. */
export const CHECKED_HEADER = 20;

/** PostgreSQL: XLogRecordMaxSize. */
const MAX_RECORD = 1020 * 1024 * 1024;
const BUILTIN_RMGR_LIMIT = 32;
const FIRST_CUSTOM_RMGR = 128;
const RM_XLOG_ID = 0;
const XLOG_SWITCH = 0x40;

/** Why the first `length` bytes of a header cannot be one; undefined while they can. */
export function recordHeaderProblem(
  header: Buffer,
  length: number,
  /** Where the record starts, and the one before; undefined when that was not read. */
  { start, previous }: { readonly start: number; readonly previous: number | undefined },
): string | undefined {
  if (length < 4) return undefined;
  const total = header.readUInt32LE(0);
  if (total < RECORD_HEADER || total > MAX_RECORD) return `a record of ${total} bytes`;
  if (length < RECORD_HEADER) return undefined;
  const manager = header[17]!;
  if (manager >= BUILTIN_RMGR_LIMIT && manager < FIRST_CUSTOM_RMGR) {
    return `resource manager ${manager}`;
  }
  const link = header.readUInt32LE(12) * 0x1_0000_0000 + header.readUInt32LE(8);
  const linked = previous === undefined ? link < start : link === previous;
  return linked ? undefined : 'a record with another back link';
}

/** The rest of the segment after such a record is padding. */
export const isSegmentSwitch = (header: Buffer): boolean =>
  header[17] === RM_XLOG_ID && (header[16]! & 0xf0) === XLOG_SWITCH;
