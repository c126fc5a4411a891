import { crc32 } from 'node:zlib';

/**
 * A frame, the unit of compression and encryption, begins with 16 clear bytes:
 *
 *    0  4  magic "HFFR"
 *    4  4  length of what follows the header: ciphertext and 16-byte tag
 *    8  4  number of the frame in its object, counted from 0
 *   12  1  kind
 *   13  1  flags: 1 = zstd
 *   14  2  low 16 bits of the CRC-32 of bytes 0–13
 *
 * Without any key, frames can be counted, measured and found again after damage.
 */
export const HEADER_BYTES = 16;
export const TAG_BYTES = 16;
const MAGIC = Buffer.from('HFFR', 'latin1');

export const FRAME_KIND = {
  pages: 1,
  stream: 2,
  footer: 3,
  map: 4,
  hashes: 5,
  leaf: 6,
  document: 7,
  commit: 8,
} as const;

export type FrameKind = (typeof FRAME_KIND)[keyof typeof FRAME_KIND];

export const FLAG_ZSTD = 1;

export interface FrameHeader {
  /** Of the ciphertext and tag that follow. */
  readonly length: number;
  readonly number: number;
  readonly kind: number;
  readonly flags: number;
}

export function frameHeader(header: FrameHeader): Buffer {
  const target = Buffer.alloc(HEADER_BYTES);
  target.set(MAGIC, 0);
  target.writeUInt32LE(header.length, 4);
  target.writeUInt32LE(header.number, 8);
  target.writeUInt8(header.kind, 12);
  target.writeUInt8(header.flags, 13);
  target.writeUInt16LE(crc32(target.subarray(0, 14)) & 0xffff, 14);
  return target;
}

/** Undefined when no frame begins at `at`. */
export function readFrameHeader(bytes: Buffer, at = 0): FrameHeader | undefined {
  if (bytes.length - at < HEADER_BYTES) return undefined;
  if (bytes.compare(MAGIC, 0, 4, at, at + 4) !== 0) return undefined;
  if ((crc32(bytes.subarray(at, at + 14)) & 0xffff) !== bytes.readUInt16LE(at + 14)) {
    return undefined;
  }
  const length = bytes.readUInt32LE(at + 4);
  if (length < TAG_BYTES) return undefined;
  return {
    length,
    number: bytes.readUInt32LE(at + 8),
    kind: bytes.readUInt8(at + 12),
    flags: bytes.readUInt8(at + 13),
  };
}

export interface FoundFrame extends FrameHeader {
  readonly offset: number;
  /** The frame ends inside the bytes that were searched. */
  readonly whole: boolean;
}

/**
 * Finds frames without a key. Where a header is damaged, the search goes on byte by byte; a magic
 * inside ciphertext is refused by its check value in all but one of 65,536 cases.
 */
export function* findFrames(bytes: Buffer): Generator<FoundFrame> {
  let offset = bytes.indexOf(MAGIC);
  while (offset !== -1) {
    const header = readFrameHeader(bytes, offset);
    const end = header === undefined ? offset + 1 : offset + HEADER_BYTES + header.length;
    const whole = end <= bytes.length;
    if (header !== undefined) yield { ...header, offset, whole };
    offset = bytes.indexOf(MAGIC, header !== undefined && whole ? end : offset + 1);
  }
}
