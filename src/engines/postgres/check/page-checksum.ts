/**
 * The checksum of a data page (checksum_impl.h): the page as rows of 32 u32, one FNV-1a-like sum a
 * column, two more rounds with zero, all sums XORed with each other and the block number.
 *
 *       0  u64  LSN            12  u16  lower      16  u16  special
 *       8  u16  checksum       14  u16  upper      18  u16  page size | layout version 4
 *      10  u16  flags
 */
const OFFSETS = Int32Array.of(
  0x5b1f36e9,
  0xb8525960,
  0x02ab50aa,
  0x1de66d2a,
  0x79ff467a,
  0x9bb9f8a3,
  0x217e7cd2,
  0x83e13d2c,
  0xf8d4474f,
  0xe39eb970,
  0x42c6ae16,
  0x993216fa,
  0x7b093b5d,
  0x98daff3c,
  0xf718902a,
  0x0b1c9cdb,
  0xe58f764b,
  0x187636bc,
  0x5d7b3bb1,
  0xe73de7de,
  0x92bec979,
  0xcca6c0b2,
  0x304a0979,
  0x85aa43d4,
  0x783125bb,
  0x6ca8eaa2,
  0xe407eac6,
  0x4b5cfc3e,
  0x9fbf8c76,
  0x15ca20be,
  0xf2ca9fd3,
  0x959bd756,
);
const PRIME = 16777619;
const COLUMNS = 32;
/** The word that holds pd_checksum in its lower half, which counts as zero. */
const CHECKSUM_WORD = 2;

const sums = new Int32Array(COLUMNS);

/** `words` is the page as little-endian u32; `block` its number within the fork, not the file. */
export function pageChecksum(words: Int32Array, block: number): number {
  for (let column = 0; column < COLUMNS; column++) {
    const value = column === CHECKSUM_WORD ? words[column]! & ~0xffff : words[column]!;
    const mixed = OFFSETS[column]! ^ value;
    sums[column] = Math.imul(mixed, PRIME) ^ (mixed >>> 17);
  }
  for (let row = COLUMNS; row < words.length; row += COLUMNS) {
    for (let column = 0; column < COLUMNS; column++) {
      const mixed = sums[column]! ^ words[row + column]!;
      sums[column] = Math.imul(mixed, PRIME) ^ (mixed >>> 17);
    }
  }
  let result = block;
  for (let column = 0; column < COLUMNS; column++) {
    let sum = sums[column]!;
    sum = Math.imul(sum, PRIME) ^ (sum >>> 17);
    result ^= Math.imul(sum, PRIME) ^ (sum >>> 17);
  }
  return ((result >>> 0) % 65535) + 1;
}

const HEADER_BYTES = 24;
const LAYOUT_VERSION = 4;

/**
 * What is wrong with a page, or undefined. A page never written is zero throughout: an upper bound
 * of zero alone does not make it so. Without checksums only the header can be judged.
 */
export function pageProblem(options: {
  /** Four-byte aligned. */
  readonly page: Buffer;
  readonly block: number;
  readonly checksums: boolean;
}): string | undefined {
  const { page, block, checksums } = options;
  const words = new Int32Array(page.buffer, page.byteOffset, page.length / 4);
  if (page.readUInt16LE(14) === 0 && words.every((word) => word === 0)) return undefined;
  if (checksums) {
    const stored = page.readUInt16LE(8);
    const computed = pageChecksum(words, block);
    return stored === computed ? undefined : `checksum ${stored}, computed ${computed}`;
  }
  const lower = page.readUInt16LE(12);
  const upper = page.readUInt16LE(14);
  const special = page.readUInt16LE(16);
  const version = page.readUInt16LE(18);
  const inOrder = lower >= HEADER_BYTES && lower <= upper && upper <= special;
  const sound = inOrder && special <= page.length && version === (page.length | LAYOUT_VERSION);
  return sound ? undefined : 'its header makes no sense';
}
