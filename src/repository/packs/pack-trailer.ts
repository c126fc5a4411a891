import { hash } from 'node:crypto';
import { HoldfastError } from '../../errors/holdfast-error.ts';

/**
 * A pack is an immutable object `packs/<first two digits of id>/<id>`:
 *
 *   frames    0 … n−1, back to back (frame-header.ts, frame-cipher.ts)
 *   footer    frame n, of kind footer (pack-footer.ts)
 *   trailer   156 clear bytes:
 *       0   4  magic "HFPT"
 *       4   2  version, 1
 *       6   2  zero
 *       8   4  key epoch, 0
 *      12   4  n
 *      16  16  repository id
 *      32  16  pack id
 *      48  80  pack key, sealed to the repository's data public key; additional data = bytes 8–47
 *     128   8  offset of the footer
 *     136   4  length of the footer, header included
 *     140  16  first 16 bytes of the SHA-256 of bytes 0–139
 *
 * A snapshot's commit holds the SHA-256 of footer and trailer together ("tail"). That binds the
 * pack key and, through the footer, every frame: a pack forged with the public key does not pass.
 */
export const TRAILER_BYTES = 156;
const CHECKED_BYTES = 140;
const MAGIC = Buffer.from('HFPT', 'latin1');
const VERSION = 1;

export interface PackTrailer {
  readonly epoch: number;
  readonly frameCount: number;
  readonly repository: string;
  readonly pack: string;
  readonly sealedKey: Buffer;
  readonly footerOffset: number;
  readonly footerLength: number;
}

export function packKey(id: string): string {
  return `packs/${id.slice(0, 2)}/${id}`;
}

/** What a sealed pack key is bound to: bytes 8–47 of the trailer. */
export function sealedKeyBinding(trailer: Omit<PackTrailer, 'sealedKey'>): Buffer {
  const binding = Buffer.alloc(40);
  binding.writeUInt32LE(trailer.epoch, 0);
  binding.writeUInt32LE(trailer.frameCount, 4);
  binding.set(Buffer.from(trailer.repository, 'hex'), 8);
  binding.set(Buffer.from(trailer.pack, 'hex'), 24);
  return binding;
}

export function encodeTrailer(trailer: PackTrailer): Buffer {
  const bytes = Buffer.alloc(TRAILER_BYTES);
  bytes.set(MAGIC, 0);
  bytes.writeUInt16LE(VERSION, 4);
  bytes.set(sealedKeyBinding(trailer), 8);
  bytes.set(trailer.sealedKey, 48);
  bytes.writeBigUInt64LE(BigInt(trailer.footerOffset), 128);
  bytes.writeUInt32LE(trailer.footerLength, 136);
  bytes.set(hash('sha256', bytes.subarray(0, CHECKED_BYTES), 'buffer').subarray(0, 16), 140);
  return bytes;
}

/**
 * The trailer of a pack of `size` bytes that belongs to `repository` as `pack`; `bytes` end where
 * the pack ends. OBJECT_CORRUPT otherwise, REPOSITORY_NEWER for a version not known here.
 */
export function decodeTrailer(options: {
  bytes: Buffer;
  repository: string;
  pack: string;
  size: number;
}): PackTrailer {
  const { repository, pack, size } = options;
  const object = packKey(pack);
  const damaged = (reason: string) => new HoldfastError('OBJECT_CORRUPT', { object, reason });
  if (options.bytes.length < TRAILER_BYTES) throw damaged('it is shorter than a trailer');
  const bytes = options.bytes.subarray(-TRAILER_BYTES);
  const check = hash('sha256', bytes.subarray(0, CHECKED_BYTES), 'buffer').subarray(0, 16);
  if (bytes.compare(MAGIC, 0, 4, 0, 4) !== 0 || !bytes.subarray(CHECKED_BYTES).equals(check)) {
    throw damaged('its trailer is altered');
  }
  const version = bytes.readUInt16LE(4);
  if (version > VERSION) {
    throw new HoldfastError('REPOSITORY_NEWER', { key: object, found: version, known: VERSION });
  }
  const trailer = {
    epoch: bytes.readUInt32LE(8),
    frameCount: bytes.readUInt32LE(12),
    repository: bytes.toString('hex', 16, 32),
    pack: bytes.toString('hex', 32, 48),
    sealedKey: Buffer.from(bytes.subarray(48, 128)),
    footerOffset: Number(bytes.readBigUInt64LE(128)),
    footerLength: bytes.readUInt32LE(136),
  };
  if (trailer.repository !== repository) throw damaged('it belongs to another repository');
  if (trailer.pack !== pack) throw damaged(`it is the pack ${trailer.pack}`);
  if (trailer.footerOffset + trailer.footerLength + TRAILER_BYTES !== size) {
    throw damaged('its trailer speaks of another length');
  }
  return trailer;
}
