import { type Lsn, lsn } from '../lsn.ts';

/**
 * The header of a WAL page (PostgreSQL: xlog_internal.h). Little-endian.
 *
 *    0  u16  magic: one per major version
 *    2  u16  info flags
 *    4  u32  timeline of the page's first record
 *    8  u64  position of the page
 *   16  u32  bytes that remain of the record continued from the page before
 *   20  u32  padding
 *   only on a segment's first page (XLP_LONG_HEADER):
 *   24  u64  system identifier
 *   32  u32  segment size
 *   36  u32  page size
 */
export const SHORT_HEADER = 24;
export const LONG_HEADER = 40;

export const XLP_FIRST_IS_CONTRECORD = 0x0001;
export const XLP_LONG_HEADER = 0x0002;
const XLP_BKP_REMOVABLE = 0x0004;
/** The record that should continue here was aborted by a crash; another begins instead. */
export const XLP_FIRST_IS_OVERWRITE_CONTRECORD = 0x0008;
export const XLP_ALL_FLAGS =
  XLP_FIRST_IS_CONTRECORD | XLP_LONG_HEADER | XLP_BKP_REMOVABLE | XLP_FIRST_IS_OVERWRITE_CONTRECORD;

const MAJOR_OF_MAGIC: Readonly<Record<number, number>> = {
  53517: 14,
  53520: 15,
  53523: 16,
  53526: 17,
  53528: 18,
};

/** The major version that writes this magic; undefined for one this program does not know. */
export const majorVersionOfMagic = (magic: number): number | undefined => MAJOR_OF_MAGIC[magic];

export interface SegmentHeader {
  readonly majorVersion: number;
  readonly timeline: number;
  readonly position: Lsn;
  /** Decimal, as IDENTIFY_SYSTEM and pg_control print it. */
  readonly systemIdentifier: string;
  readonly segmentSize: number;
  readonly pageSize: number;
}

/** The first page's header of a segment file; undefined when these bytes are none. */
export function readSegmentHeader(bytes: Buffer): SegmentHeader | undefined {
  if (bytes.length < LONG_HEADER) return undefined;
  const majorVersion = majorVersionOfMagic(bytes.readUInt16LE(0));
  if (majorVersion === undefined) return undefined;
  if ((bytes.readUInt16LE(2) & XLP_LONG_HEADER) === 0) return undefined;
  return {
    majorVersion,
    timeline: bytes.readUInt32LE(4),
    position: lsn(bytes.readBigUInt64LE(8)),
    systemIdentifier: String(bytes.readBigUInt64LE(24)),
    segmentSize: bytes.readUInt32LE(32),
    pageSize: bytes.readUInt32LE(36),
  };
}
