import { createCipheriv, createDecipheriv, createHash, createHmac, hkdfSync } from 'node:crypto';
import { promisify } from 'node:util';
import { constants, zstdCompress, zstdDecompress } from 'node:zlib';
import { HoldfastError } from '../../errors/holdfast-error.ts';
import type { Repository } from '../repository.ts';
import type { LogRange } from './log-piece.ts';

/**
 * The frames of a log piece, one after the other to the end of the object; big-endian:
 *
 *   0   4  stored length n
 *   4   4  raw length, at most 1 MiB
 *   8   n  AES-256-GCM(zstd level 1 of the raw bytes) ‖ tag 16, under the content key of the piece;
 *          nonce = frame number (12 bytes); additional data = "holdfast log frame", 0,
 *          repository id, object id, frame number 4, raw length 4, number of frames 4
 */
const FRAME_BYTES = 1 << 20;
const FRAME_HEADER = 8;
const TAG_LENGTH = 16;
/** Compressed at a time: as many as there are threads for it. */
const AT_ONCE = 4;
const LEVEL_1 = { params: { [constants.ZSTD_c_compressionLevel]: 1 } };

const compress = promisify(zstdCompress);
const decompress = promisify(zstdDecompress);

/** What binds frames to their piece. */
export interface FrameContext {
  readonly contentKey: Buffer;
  readonly repository: string;
  readonly objectId: Buffer;
  readonly frames: number;
}

export function frameCount(length: number): number {
  return Math.ceil(length / FRAME_BYTES);
}

export async function encodeFrames(context: FrameContext, bytes: Buffer): Promise<Buffer[]> {
  const parts: Buffer[] = [];
  for (let first = 0; first < context.frames; first += AT_ONCE) {
    const raw: Buffer[] = [];
    for (let number = first; number < Math.min(first + AT_ONCE, context.frames); number += 1) {
      raw.push(bytes.subarray(number * FRAME_BYTES, (number + 1) * FRAME_BYTES));
    }
    const packed = await Promise.all(raw.map((frame) => compress(frame, LEVEL_1)));
    for (const [index, frame] of packed.entries()) {
      parts.push(...seal(context, first + index, frame, raw[index]?.length ?? 0));
    }
  }
  return parts;
}

/** LOG_CORRUPT unless `body` is exactly the frames of `length` bytes. */
export async function decodeFrames(
  context: FrameContext,
  options: { key: string; body: Buffer; length: number },
): Promise<Buffer> {
  const { key, body, length } = options;
  const corrupt = (reason: string, cause?: unknown) =>
    new HoldfastError('LOG_CORRUPT', { key, reason }, { cause });
  if (context.frames !== frameCount(length)) throw corrupt('its frames do not make its range');
  const bytes = Buffer.allocUnsafe(length);
  let at = 0;
  for (let number = 0; number < context.frames; number += 1) {
    const rawLength = Math.min(FRAME_BYTES, length - number * FRAME_BYTES);
    const end = at + FRAME_HEADER + (at + 4 <= body.length ? body.readUInt32BE(at) : 0);
    if (end > body.length || end < at + FRAME_HEADER + TAG_LENGTH) {
      throw corrupt(`frame ${number} is cut off`);
    }
    if (body.readUInt32BE(at + 4) !== rawLength)
      throw corrupt(`frame ${number} has another length`);
    try {
      const packed = open(context, number, body.subarray(at + FRAME_HEADER, end), rawLength);
      // One output chunk: the default collects many small ones and joins them.
      const chunkSize = Math.max(64, rawLength);
      const raw = await decompress(packed, { maxOutputLength: rawLength, chunkSize });
      if (raw.length !== rawLength) throw new Error(`${raw.length} bytes`);
      raw.copy(bytes, number * FRAME_BYTES);
    } catch (cause) {
      throw corrupt(`frame ${number} was altered`, cause);
    }
    at = end;
  }
  if (at !== body.length) throw corrupt('bytes follow its last frame');
  return bytes;
}

/**
 * HMAC-SHA256 under HKDF-SHA256(lineage metadata key, info = "holdfast log content"), over branch,
 * 0, segment, 0, from 4, to 4, segment size 4, bytes: the same content has the same MAC in every
 * attempt, whatever its random key.
 */
export function contentMac(options: {
  repository: Repository;
  range: LogRange;
  bytes: Uint8Array;
}): Buffer {
  const { repository, range, bytes } = options;
  const metadataKey = repository.keys.lineageMetadataKey(range.lineage);
  const key = hkdfSync('sha256', metadataKey, Buffer.alloc(0), 'holdfast log content', 32);
  const numbers = Buffer.alloc(12);
  numbers.writeUInt32BE(range.from, 0);
  numbers.writeUInt32BE(range.to, 4);
  numbers.writeUInt32BE(range.segmentSize, 8);
  return createHmac('sha256', Buffer.from(key))
    .update(`${range.branch}\0${range.segment}\0`)
    .update(numbers)
    .update(bytes)
    .digest();
}

export function hashParts(parts: readonly Buffer[]): Buffer {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest();
}

function seal(context: FrameContext, number: number, packed: Buffer, rawLength: number): Buffer[] {
  const cipher = createCipheriv('aes-256-gcm', context.contentKey, nonce(number));
  cipher.setAAD(additionalData(context, number, rawLength));
  const sealed = [cipher.update(packed), cipher.final(), cipher.getAuthTag()];
  const header = Buffer.alloc(FRAME_HEADER);
  header.writeUInt32BE(packed.length + TAG_LENGTH, 0);
  header.writeUInt32BE(rawLength, 4);
  return [header, ...sealed];
}

function open(context: FrameContext, number: number, sealed: Buffer, rawLength: number): Buffer {
  const decipher = createDecipheriv('aes-256-gcm', context.contentKey, nonce(number), {
    authTagLength: TAG_LENGTH,
  });
  decipher.setAAD(additionalData(context, number, rawLength));
  decipher.setAuthTag(sealed.subarray(-TAG_LENGTH));
  return Buffer.concat([decipher.update(sealed.subarray(0, -TAG_LENGTH)), decipher.final()]);
}

function nonce(number: number): Buffer {
  const bytes = Buffer.alloc(12);
  bytes.writeUInt32BE(number, 8);
  return bytes;
}

function additionalData(context: FrameContext, number: number, rawLength: number): Buffer {
  const numbers = Buffer.alloc(12);
  numbers.writeUInt32BE(number, 0);
  numbers.writeUInt32BE(rawLength, 4);
  numbers.writeUInt32BE(context.frames, 8);
  const repository = Buffer.from(context.repository, 'hex');
  const label = Buffer.from('holdfast log frame\0');
  return Buffer.concat([label, repository, context.objectId, numbers]);
}
