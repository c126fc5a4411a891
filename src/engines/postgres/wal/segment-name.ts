import { type Lsn, lsn } from '../lsn.ts';

/**
 * Names of files in pg_wal (PostgreSQL: src/include/access/xlog_internal.h).
 *
 *   segment   TTTTTTTT LLLLLLLL SSSSSSSS       timeline, log id, segment within the log id
 *   partial   <segment>.partial               the last, unfinished segment of a timeline
 *   history   TTTTTTTT.history                 the ancestors of a timeline
 *   backup    <segment>.OOOOOOOO.backup        where a base backup began
 *
 * How many segments make one log id (4 GiB) depends on wal_segment_size.
 */
export type WalFile =
  | { readonly kind: 'segment' | 'partial'; readonly timeline: number; readonly number: bigint }
  | { readonly kind: 'history'; readonly timeline: number }
  | {
      readonly kind: 'backup';
      readonly timeline: number;
      readonly number: bigint;
      readonly offset: number;
    };

const LOG_ID = 0x1_0000_0000n;
const MIN_SEGMENT = 1 << 20;
const MAX_SEGMENT = 1 << 30;

export function isSegmentSize(size: number): boolean {
  return size >= MIN_SEGMENT && size <= MAX_SEGMENT && Number.isInteger(Math.log2(size));
}

const hex8 = (value: bigint | number) => value.toString(16).toUpperCase().padStart(8, '0');

/** `number` is the segment's first LSN ÷ segment size. */
export function segmentName(segment: {
  readonly timeline: number;
  readonly number: bigint;
  readonly segmentSize: number;
}): string {
  const perLogId = LOG_ID / BigInt(segment.segmentSize);
  const { timeline, number } = segment;
  return hex8(timeline) + hex8(number / perLogId) + hex8(number % perLogId);
}

export const historyName = (timeline: number): string => `${hex8(timeline)}.history`;

/** Undefined for any other name, and for a segment that cannot exist with this segment size. */
export function parseWalFileName(name: string, segmentSize: number): WalFile | undefined {
  const history = /^([0-9A-F]{8})\.history$/.exec(name);
  if (history) return { kind: 'history', timeline: Number.parseInt(history[1]!, 16) };
  const match =
    /^([0-9A-F]{8})([0-9A-F]{8})([0-9A-F]{8})(?:\.(partial)|\.([0-9A-F]{8})\.backup)?$/.exec(name);
  if (!match) return undefined;
  const part = (at: number) => BigInt(`0x${match[at]}`);
  const perLogId = LOG_ID / BigInt(segmentSize);
  if (part(3) >= perLogId) return undefined;
  const timeline = Number(part(1));
  const number = part(2) * perLogId + part(3);
  if (match[5]) return { kind: 'backup', timeline, number, offset: Number.parseInt(match[5], 16) };
  return { kind: match[4] ? 'partial' : 'segment', timeline, number };
}

export const segmentNumber = (position: Lsn, segmentSize: number): bigint =>
  position / BigInt(segmentSize);

/** The first position of the segment that holds `position`. */
export const segmentStart = (position: Lsn, segmentSize: number): Lsn =>
  lsn(position - (position % BigInt(segmentSize)));

export const segmentOffset = (position: Lsn, segmentSize: number): number =>
  Number(position % BigInt(segmentSize));
