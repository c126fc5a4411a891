import { hash } from 'node:crypto';
import { crc32, zstdDecompressSync } from 'node:zlib';
import { openSealedKey, type Secrets } from './keys.ts';
import { Cursor, check, gcm, hex, type Objects, type Parsed } from './notation.ts';

/** "Frames". */
export function frame(options: {
  secrets: Secrets;
  key: Buffer;
  object: string;
  number: number;
  kind: number;
  bytes: Buffer;
}): Buffer {
  const { bytes, number } = options;
  const header = bytes.subarray(0, 16);
  check(header.toString('latin1', 0, 4) === 'HFFR', 'frame magic');
  check(header.readUInt16LE(14) === crc32(header.subarray(0, 14)) % 65536, 'frame check');
  check(header.readUInt32LE(4) === bytes.length - 16, 'frame length');
  check(header.readUInt32LE(8) === number && header[12] === options.kind, 'frame place');
  const nonce = Buffer.alloc(12);
  nonce.writeUInt32LE(number);
  const aad = Buffer.concat([hex(options.secrets.repository), hex(options.object), header]);
  const content = gcm({ key: options.key, nonce, aad, sealed: bytes.subarray(16) });
  if (header[13] === 0) return content;
  const length = content.readUInt32LE(0);
  const plaintext = zstdDecompressSync(content.subarray(4), { maxOutputLength: length });
  check(plaintext.length === length, 'plaintext length');
  return plaintext;
}

/** "Packs". */
export interface Pack {
  frames: {
    plaintext: Buffer;
    unit: number;
    runs: { path: string; start: number; count: number }[];
  }[];
}

export function openPack(secrets: Secrets, objects: Objects, reference: Parsed): Pack {
  const { id, size, sha256, tail } = reference;
  const bytes = objects[`packs/${id.slice(0, 2)}/${id}`] as Buffer;
  check(bytes.length === size && hash('sha256', bytes) === sha256, `pack ${id}`);
  const trailer = bytes.subarray(-156);
  check(trailer.toString('latin1', 0, 4) === 'HFPT' && trailer.readUInt16LE(4) === 1, 'trailer');
  const sum = hash('sha256', trailer.subarray(0, 140), 'buffer').subarray(0, 16);
  check(sum.equals(trailer.subarray(140)), 'trailer sum');
  check(trailer.toString('hex', 16, 48) === secrets.repository + id, 'trailer ids');
  const offset = Number(trailer.readBigUInt64LE(128));
  check(hash('sha256', bytes.subarray(offset)) === tail, 'tail');
  const count = trailer.readUInt32LE(12);
  const key = openSealedKey(secrets, trailer.subarray(48, 128), trailer.subarray(8, 48));
  const of = { secrets, key, object: id };
  const sealed = bytes.subarray(offset, offset + trailer.readUInt32LE(136));
  const footer = new Cursor(frame({ ...of, number: count, kind: 3, bytes: sealed }));
  check(footer.varint() === 1, 'footer version');
  const paths = footer.many(footer.text);
  let at = 0;
  let number = 0;
  const frames = footer.many(() => {
    const length = footer.varint();
    const kind = footer.varint();
    const unit = footer.varint();
    const units = footer.varint();
    const digest = footer.take(32);
    const runs = footer.many(() => ({
      path: paths[footer.varint()] as string,
      start: footer.varint(),
      count: footer.varint(),
    }));
    const plaintext = frame({ ...of, number, kind, bytes: bytes.subarray(at, at + length) });
    check(plaintext.length === unit * units, 'frame units');
    const hashed =
      kind === 2
        ? plaintext
        : Buffer.concat(
            Array.from({ length: units }, (_, page) =>
              hash('sha256', plaintext.subarray(page * unit, (page + 1) * unit), 'buffer'),
            ),
          );
    check(hash('sha256', hashed, 'buffer').equals(digest), 'digest');
    at += length;
    number += 1;
    return { plaintext, unit, runs };
  });
  check(at === offset && number === count && footer.at === footer.bytes.length, 'footer');
  return { frames };
}

/** The file, path and unit that a frame says its unit `position` is. */
export function unitAt(runs: Pack['frames'][number]['runs'], position: number): string {
  let at = position;
  for (const { path, start, count } of runs) {
    if (at < count) return `${path} ${start + at}`;
    at -= count;
  }
  return 'nothing';
}
