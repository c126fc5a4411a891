import { Reader, Writer } from './varint.ts';

/**
 * What is left of a record at the end of a segment, so that the next segment can be read without
 * this one.
 *
 *   u8      version (1)
 *   u8      flags: 1 a record was read before · 2 inside a record whose beginning is unknown
 *                  4 inside a record · 8 its body is kept
 *   varint  timeline
 *   varint  start of the record before                    (flag 1)
 *   varint  record start, total length, bytes read of it  (flag 4)
 *   u32     state of its running CRC-32C                   (flag 4)
 *   bytes   its header so far                              (flag 4)
 *   bytes   its body so far                                (flag 8)
 */
export interface RecordTail {
  readonly previous: number | undefined;
  readonly timeline: number;
  readonly skipping: boolean;
  readonly record:
    | {
        readonly start: number;
        readonly total: number;
        readonly got: number;
        readonly crc: number;
        readonly header: Buffer;
        readonly kept: Buffer[] | undefined;
      }
    | undefined;
}

const VERSION = 1;
const [HAS_PREVIOUS, SKIPPING, IN_RECORD, KEPT] = [1, 2, 4, 8];

export function encodeTail(tail: RecordTail): Buffer {
  const writer = new Writer();
  const { previous, skipping, record } = tail;
  writer.byte(VERSION);
  writer.byte(
    (previous === undefined ? 0 : HAS_PREVIOUS) |
      (skipping ? SKIPPING : 0) |
      (record ? IN_RECORD : 0) |
      (record?.kept ? KEPT : 0),
  );
  writer.unsigned(tail.timeline);
  if (previous !== undefined) writer.unsigned(previous);
  if (record) {
    writer.unsigned(record.start);
    writer.unsigned(record.total);
    writer.unsigned(record.got);
    writer.unsigned(record.crc >>> 0);
    writer.bytes(record.header);
    if (record.kept) writer.bytes(Buffer.concat(record.kept));
  }
  return writer.finish();
}

/** Throws RangeError for bytes that are no tail. */
export function decodeTail(bytes: Buffer): RecordTail {
  const reader = new Reader(bytes);
  const version = reader.byte();
  if (version !== VERSION) throw new RangeError(`a record tail of version ${version}`);
  const flags = reader.byte();
  const timeline = reader.unsigned();
  const previous = flags & HAS_PREVIOUS ? reader.unsigned() : undefined;
  const skipping = (flags & SKIPPING) !== 0;
  if ((flags & IN_RECORD) === 0) return { previous, timeline, skipping, record: undefined };
  const start = reader.unsigned();
  const total = reader.unsigned();
  const got = reader.unsigned();
  const crc = reader.unsigned() | 0;
  const header = Buffer.from(reader.bytes());
  const kept = flags & KEPT ? [Buffer.from(reader.bytes())] : undefined;
  return { previous, timeline, skipping, record: { start, total, got, crc, header, kept } };
}
