import { createCipheriv, createDecipheriv, hkdfSync } from 'node:crypto';
import { HoldfastError } from '../../errors/holdfast-error.ts';
import { SEALED_KEY_LENGTH } from '../keys/seal.ts';
import type { Repository } from '../repository.ts';
import type { LogRange } from './log-piece.ts';

/**
 * The head of a log piece; big-endian. C = 162 + the lengths of the names.
 *
 *     0   8  magic "HFLOG" 0 0, version 1
 *     8   4  length of the head H: the frames begin there
 *    12   4  number of frames
 *    16  16  repository id
 *    32  16  lineage id
 *    48  16  object id, random
 *    64   4  from: first byte of the segment in here
 *    68   4  to, exclusive
 *    72   4  segment size
 *    76   4  reserved, zero
 *    80  80  content key, sealed to the data public key (keys/seal.ts);
 *            additional data = "holdfast log", 0, bytes 16…80 of this header
 *   160   1  length of the branch;  then the branch
 *         1  length of the segment; then the segment
 *     C      summary: AES-256-GCM under HKDF-SHA256(lineage metadata key, salt = object id,
 *            info = "holdfast log summary"), nonce zero, additional data = bytes 0…C:
 *              32  HMAC-SHA256 of the plaintext (piece-body.ts)
 *              32  SHA-256 of all stored bytes from H on
 *                  zstd of the index
 *            tag 16
 *     H      frames (piece-body.ts)
 *
 * So a writer can tell whether a stored piece is its own and intact without being able to read it.
 */
const MAGIC = Buffer.from('HFLOG\0\0\u0001');
const FIXED = 160;

export interface PieceHeader extends LogRange {
  readonly headLength: number;
  readonly frames: number;
  readonly repository: string;
  readonly objectId: Buffer;
  readonly sealedKey: Buffer;
  /** All clear bytes: what frames and summary are bound to. */
  readonly clear: Buffer;
}

export interface PieceSummary {
  readonly contentMac: Buffer;
  readonly framesHash: Buffer;
  /** zstd */
  readonly index: Buffer;
}

/** The bytes that identify the piece: bound into its sealed content key. */
export function identityOf(options: {
  repository: string;
  range: LogRange;
  objectId: Buffer;
}): Buffer {
  const { repository, range, objectId } = options;
  const numbers = Buffer.alloc(16);
  numbers.writeUInt32BE(range.from, 0);
  numbers.writeUInt32BE(range.to, 4);
  numbers.writeUInt32BE(range.segmentSize, 8);
  const ids = [Buffer.from(repository, 'hex'), Buffer.from(range.lineage, 'hex'), objectId];
  return Buffer.concat([...ids, numbers]);
}

export function sealedKeyContext(identity: Buffer): Buffer {
  return Buffer.concat([Buffer.from('holdfast log\0'), identity]);
}

export function encodeClear(options: {
  identity: Buffer;
  sealedKey: Buffer;
  branch: string;
  segment: string;
  frames: number;
  /** Bytes of the sealed summary that follows. */
  summaryLength: number;
}): Buffer {
  const names = [options.branch, options.segment].flatMap((name) => {
    const bytes = Buffer.from(name);
    return [Buffer.from([bytes.length]), bytes];
  });
  const prefix = Buffer.alloc(16);
  MAGIC.copy(prefix);
  const clear = Buffer.concat([prefix, options.identity, options.sealedKey, ...names]);
  clear.writeUInt32BE(clear.length + options.summaryLength, 8);
  clear.writeUInt32BE(options.frames, 12);
  return clear;
}

/** Reads the clear part; `bytes` are the beginning of the object, at least its clear part. */
export function parseClear(key: string, bytes: Buffer): PieceHeader {
  const corrupt = (reason: string) => new HoldfastError('LOG_CORRUPT', { key, reason });
  if (bytes.length < FIXED + 2) throw corrupt('it is too short');
  if (!bytes.subarray(0, 7).equals(MAGIC.subarray(0, 7))) throw corrupt('it is not a log piece');
  const version = bytes.readUInt8(7);
  if (version !== 1) throw new HoldfastError('REPOSITORY_NEWER', { key, found: version, known: 1 });
  const branchEnd = FIXED + 1 + bytes.readUInt8(FIXED);
  const segmentEnd = branchEnd + 1 + (bytes[branchEnd] ?? 0);
  const headLength = bytes.readUInt32BE(8);
  if (segmentEnd > bytes.length || headLength < segmentEnd) throw corrupt('its head is damaged');
  return {
    headLength,
    frames: bytes.readUInt32BE(12),
    repository: bytes.toString('hex', 16, 32),
    lineage: bytes.toString('hex', 32, 48),
    objectId: bytes.subarray(48, 64),
    from: bytes.readUInt32BE(64),
    to: bytes.readUInt32BE(68),
    segmentSize: bytes.readUInt32BE(72),
    sealedKey: bytes.subarray(80, 80 + SEALED_KEY_LENGTH),
    branch: bytes.toString('utf8', FIXED + 1, branchEnd),
    segment: bytes.toString('utf8', branchEnd + 1, segmentEnd),
    clear: bytes.subarray(0, segmentEnd),
  };
}

const MAC_LENGTH = 32;
const TAG_LENGTH = 16;

export function summaryLength(index: Buffer): number {
  return 2 * MAC_LENGTH + index.length + TAG_LENGTH;
}

export function sealSummary(options: {
  repository: Repository;
  lineage: string;
  objectId: Buffer;
  clear: Buffer;
  summary: PieceSummary;
}): Buffer {
  const { contentMac, framesHash, index } = options.summary;
  const cipher = createCipheriv('aes-256-gcm', summaryKey(options), Buffer.alloc(12));
  cipher.setAAD(options.clear);
  const sealed = [contentMac, framesHash, index].map((part) => cipher.update(part));
  return Buffer.concat([...sealed, cipher.final(), cipher.getAuthTag()]);
}

/** `head` = the first `headLength` bytes of the object. LOG_CORRUPT unless all of it is authentic. */
export function openSummary(options: {
  repository: Repository;
  key: string;
  header: PieceHeader;
  head: Buffer;
}): PieceSummary {
  const { repository, key, header, head } = options;
  const sealed = head.subarray(header.clear.length, header.headLength);
  try {
    const decipher = createDecipheriv(
      'aes-256-gcm',
      summaryKey({ repository, lineage: header.lineage, objectId: header.objectId }),
      Buffer.alloc(12),
      { authTagLength: TAG_LENGTH },
    );
    decipher.setAAD(header.clear);
    decipher.setAuthTag(sealed.subarray(-TAG_LENGTH));
    const update = decipher.update(sealed.subarray(0, -TAG_LENGTH));
    const opened = Buffer.concat([update, decipher.final()]);
    return {
      contentMac: opened.subarray(0, MAC_LENGTH),
      framesHash: opened.subarray(MAC_LENGTH, 2 * MAC_LENGTH),
      index: opened.subarray(2 * MAC_LENGTH),
    };
  } catch (cause) {
    throw new HoldfastError('LOG_CORRUPT', { key, reason: 'its head was altered' }, { cause });
  }
}

function summaryKey(options: {
  repository: Repository;
  lineage: string;
  objectId: Buffer;
}): Buffer {
  const { repository, lineage, objectId } = options;
  const metadataKey = repository.keys.lineageMetadataKey(lineage);
  return Buffer.from(hkdfSync('sha256', metadataKey, objectId, 'holdfast log summary', 32));
}
