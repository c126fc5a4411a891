import { createCipheriv, createDecipheriv } from 'node:crypto';
import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { HoldfastError } from '../../errors/holdfast-error.ts';
import { discard } from '../../host/discard.ts';
import {
  FLAG_ZSTD,
  type FrameKind,
  frameHeader,
  HEADER_BYTES,
  readFrameHeader,
  TAG_BYTES,
} from './frame-header.ts';

/**
 * A sealed frame:
 *
 *   header      16 bytes, clear (frame-header.ts)
 *   ciphertext  AES-256-GCM of the content
 *   tag         16 bytes
 *
 * content = plaintext; with flag zstd: plaintext length (4 bytes), then one zstd frame, level 1.
 * nonce = frame number (4 bytes), 8 zero bytes: a key seals one object, a number one frame of it.
 * additional data = repository id (16) ‖ object id (16) ‖ header (16).
 */
export interface FrameAddress {
  /** Repository id, 32 hex digits. */
  readonly repository: string;
  /** Id of the pack, index object or snapshot, 32 hex digits. */
  readonly object: string;
  readonly number: number;
  readonly kind: FrameKind;
}

/** A sealed frame is never longer than its plaintext by more than this. */
export const FRAME_OVERHEAD = HEADER_BYTES + TAG_BYTES;

export function sealFrame(options: {
  key: Uint8Array;
  address: FrameAddress;
  plaintext: Uint8Array;
  /**
   * Where to put it: room for the plaintext and FRAME_OVERHEAD, and it may hold the plaintext.
   * Default: a new buffer.
   */
  target?: Buffer;
}): Buffer {
  const { key, address, plaintext } = options;
  const compressed = compress(plaintext);
  const prefix = Buffer.alloc(compressed === undefined ? 0 : 4);
  if (compressed !== undefined) prefix.writeUInt32LE(plaintext.length);
  const content = compressed ?? plaintext;
  const length = prefix.length + content.length + TAG_BYTES;
  const flags = compressed === undefined ? 0 : FLAG_ZSTD;
  const header = frameHeader({ length, number: address.number, kind: address.kind, flags });
  const cipher = createCipheriv('aes-256-gcm', key, nonce(address.number));
  cipher.setAAD(additionalData(address, header));
  const parts = [header, cipher.update(prefix), cipher.update(content)];
  cipher.final();
  parts.push(cipher.getAuthTag());
  const target = options.target ?? Buffer.allocUnsafe(HEADER_BYTES + length);
  let at = 0;
  for (const part of parts) {
    target.set(part, at);
    at += part.length;
  }
  return target.subarray(0, at);
}

/**
 * OBJECT_CORRUPT naming `name` unless exactly this frame was sealed at this address.
 * At most `maxLength` bytes of plaintext are ever produced.
 */
export function openFrame(options: {
  key: Uint8Array;
  address: FrameAddress;
  sealed: Uint8Array;
  maxLength: number;
  name: string;
}): Buffer {
  const { key, address, maxLength, name } = options;
  const sealed = asBuffer(options.sealed);
  const damaged = (reason: string, cause?: unknown) =>
    new HoldfastError('OBJECT_CORRUPT', { object: name, reason }, { cause });
  const header = readFrameHeader(sealed);
  const which = `frame ${address.number}`;
  if (header === undefined) throw damaged(`the header of ${which} is not one`);
  if (header.number !== address.number) throw damaged(`${which} is numbered ${header.number}`);
  if (header.kind !== address.kind) throw damaged(`${which} is of kind ${header.kind}`);
  if (HEADER_BYTES + header.length !== sealed.length) throw damaged(`${which} has another length`);

  const body = sealed.subarray(HEADER_BYTES, sealed.length - TAG_BYTES);
  const decipher = createDecipheriv('aes-256-gcm', key, nonce(address.number), {
    authTagLength: TAG_BYTES,
  });
  decipher.setAAD(additionalData(address, sealed.subarray(0, HEADER_BYTES)));
  decipher.setAuthTag(sealed.subarray(sealed.length - TAG_BYTES));
  let content: Buffer;
  try {
    content = decipher.update(body);
    decipher.final();
  } catch (error) {
    throw damaged(`${which} does not decrypt`, error);
  }
  if ((header.flags & FLAG_ZSTD) === 0) {
    if (content.length > maxLength) throw damaged(`${which} is longer than ${maxLength} bytes`);
    return content;
  }
  const length = content.length < 4 ? -1 : content.readUInt32LE(0);
  if (length < 0 || length > maxLength) throw damaged(`${which} claims ${length} bytes`);
  const plaintext = decompress(content.subarray(4), length);
  discard(content);
  if (plaintext === undefined) throw damaged(`${which} does not decompress to ${length} bytes`);
  return plaintext;
}

/** Undefined when it would not get smaller. */
function compress(plaintext: Uint8Array): Buffer | undefined {
  if (plaintext.length < 64) return undefined;
  const compressed = zstdCompressSync(plaintext, {
    // One output buffer: the default of 16 KiB costs a third of the speed at 128 KiB frames.
    chunkSize: plaintext.length + (plaintext.length >> 7) + 512,
    params: { [constants.ZSTD_c_compressionLevel]: 1 },
  });
  return compressed.length + 4 < plaintext.length ? compressed : undefined;
}

function decompress(content: Buffer, length: number): Buffer | undefined {
  try {
    const plaintext = zstdDecompressSync(content, {
      chunkSize: Math.max(64, length),
      maxOutputLength: Math.max(1, length),
    });
    return plaintext.length === length ? plaintext : undefined;
  } catch {
    return undefined;
  }
}

function nonce(number: number): Buffer {
  const bytes = Buffer.alloc(12);
  bytes.writeUInt32LE(number);
  return bytes;
}

function additionalData(address: FrameAddress, header: Buffer): Buffer {
  return Buffer.concat([
    Buffer.from(address.repository, 'hex'),
    Buffer.from(address.object, 'hex'),
    header,
  ]);
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
