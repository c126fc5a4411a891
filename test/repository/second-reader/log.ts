import { hash } from 'node:crypto';
import { zstdDecompressSync } from 'node:zlib';
import { openSealedKey, type Secrets } from './keys.ts';
import { Cursor, check, gcm, hex, hkdf } from './notation.ts';

/** "Log": the bytes of one piece. */
export function readPiece(secrets: Secrets, piece: Buffer): { bytes: Buffer; index: Buffer } {
  const lineage = piece.toString('hex', 32, 48);
  const object = piece.subarray(48, 64);
  const aad = Buffer.concat([Buffer.from('holdfast log\0'), piece.subarray(16, 80)]);
  const key = openSealedKey(secrets, piece.subarray(80, 160), aad);
  const branch = 161 + (piece[160] as number);
  const clear = branch + 1 + (piece[branch] as number);
  const head = piece.readUInt32BE(8);
  const lineageKey = hkdf(secrets.metadataKey, '', `holdfast metadata ${lineage}`);
  const summary = gcm({
    key: hkdf(lineageKey, object, 'holdfast log summary'),
    nonce: Buffer.alloc(12),
    aad: piece.subarray(0, clear),
    sealed: piece.subarray(clear, head),
  });
  check(hash('sha256', piece.subarray(head), 'buffer').equals(summary.subarray(32, 64)), 'frames');
  const parts: Buffer[] = [];
  const cursor = new Cursor(piece.subarray(head));
  for (let number = 0; number < piece.readUInt32BE(12); number += 1) {
    const lengths = cursor.take(8);
    const nonce = Buffer.alloc(12);
    nonce.writeUInt32BE(number, 8);
    const numbers = Buffer.alloc(4);
    numbers.writeUInt32BE(number);
    const bound = Buffer.concat([
      Buffer.from('holdfast log frame\0'),
      hex(secrets.repository),
      object,
      numbers,
      lengths.subarray(4),
      piece.subarray(12, 16),
    ]);
    const sealed = cursor.take(lengths.readUInt32BE(0));
    parts.push(zstdDecompressSync(gcm({ key, nonce, aad: bound, sealed })));
  }
  return { bytes: Buffer.concat(parts), index: zstdDecompressSync(summary.subarray(64)) };
}
