/** A position in the write-ahead log of one timeline: bytes since its beginning. */
export type Lsn = bigint & { readonly __lsn: unique symbol };

export const lsn = (value: bigint): Lsn => value as Lsn;

/** Parses `16/B374D848`; zero-padded low halves (19 and later) read the same. */
export function parseLsn(text: string): Lsn {
  const match = /^([0-9A-Fa-f]{1,8})\/([0-9A-Fa-f]{1,8})$/.exec(text.trim());
  if (!match) throw new RangeError(`not an LSN: ${text}`);
  return lsn((BigInt(`0x${match[1]}`) << 32n) | BigInt(`0x${match[2]}`));
}

/** PostgreSQL's own spelling: two unpadded upper-case hex halves. */
export function formatLsn(value: Lsn): string {
  const hex = (half: bigint) => half.toString(16).toUpperCase();
  return `${hex(value >> 32n)}/${hex(value & 0xffff_ffffn)}`;
}
