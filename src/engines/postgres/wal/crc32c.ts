/**
 * CRC-32C (Castagnoli, reflected polynomial 0x82F63B78), slicing by eight.
 *
 * The state runs inverted: begin with `CRC32C_INIT`, feed parts in order, end with `crc32cFinish`.
 */
export const CRC32C_INIT = -1;

const TABLES = makeTables();

function makeTables(): Int32Array[] {
  const tables = Array.from({ length: 8 }, () => new Int32Array(256));
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
    tables[0]![byte] = crc;
  }
  for (let byte = 0; byte < 256; byte++) {
    let crc = tables[0]![byte]!;
    for (let slice = 1; slice < 8; slice++) {
      crc = tables[0]![crc & 0xff]! ^ (crc >>> 8);
      tables[slice]![byte] = crc;
    }
  }
  return tables;
}

const [T0, T1, T2, T3, T4, T5, T6, T7] = TABLES as [
  Int32Array,
  Int32Array,
  Int32Array,
  Int32Array,
  Int32Array,
  Int32Array,
  Int32Array,
  Int32Array,
];

/** Feeds `bytes[from, to)`. */
export function crc32cUpdate(state: number, bytes: Uint8Array, from: number, to: number): number {
  let crc = state;
  let at = from;
  for (const last = to - 7; at < last; at += 8) {
    const low =
      crc ^ (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24));
    crc =
      T7[low & 0xff]! ^
      T6[(low >>> 8) & 0xff]! ^
      T5[(low >>> 16) & 0xff]! ^
      T4[low >>> 24]! ^
      T3[bytes[at + 4]!]! ^
      T2[bytes[at + 5]!]! ^
      T1[bytes[at + 6]!]! ^
      T0[bytes[at + 7]!]!;
  }
  for (; at < to; at++) crc = T0[(crc ^ bytes[at]!) & 0xff]! ^ (crc >>> 8);
  return crc;
}

/** The finished checksum as an unsigned 32-bit number. */
export const crc32cFinish = (state: number): number => ~state >>> 0;

export const crc32c = (bytes: Uint8Array): number =>
  crc32cFinish(crc32cUpdate(CRC32C_INIT, bytes, 0, bytes.length));
