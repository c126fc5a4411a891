import { CRC32C_INIT, crc32cFinish, crc32cUpdate } from '../crc32c.ts';
import { LONG_HEADER, SHORT_HEADER, XLP_LONG_HEADER } from '../page-header.ts';

/** Writes log as PostgreSQL does, so that properties can be tested on any layout. */
export interface SyntheticRecord {
  readonly manager: number;
  readonly info: number;
  readonly xid: number;
  readonly body: Buffer;
}

export interface SyntheticWal {
  readonly bytes: Buffer;
  readonly starts: readonly number[];
}

export function syntheticWal(options: {
  readonly start: number;
  readonly segmentSize: number;
  readonly pageSize: number;
  readonly systemIdentifier?: bigint;
  readonly timeline?: number;
  readonly records: readonly SyntheticRecord[];
}): SyntheticWal {
  const { start, segmentSize, pageSize } = options;
  const pages: Buffer[] = [];
  const starts: number[] = [];
  let page = Buffer.alloc(0);
  let used = 0;
  let at = start;
  const openPage = (remaining: number) => {
    const long = at % segmentSize === 0;
    page = Buffer.alloc(pageSize);
    page.writeUInt16LE(0xd118, 0);
    page.writeUInt16LE((long ? XLP_LONG_HEADER : 0) | (remaining > 0 ? 1 : 0), 2);
    page.writeUInt32LE(options.timeline ?? 1, 4);
    page.writeBigUInt64LE(BigInt(at), 8);
    page.writeUInt32LE(remaining, 16);
    if (long) {
      page.writeBigUInt64LE(options.systemIdentifier ?? 7n, 24);
      page.writeUInt32LE(segmentSize, 32);
      page.writeUInt32LE(pageSize, 36);
    }
    used = long ? LONG_HEADER : SHORT_HEADER;
    at += used;
    pages.push(page);
  };
  let previous = 0;
  for (const record of options.records) {
    if (used === page.length) openPage(0);
    starts.push(at);
    const bytes = encodeRecord(record, previous);
    previous = at;
    let written = 0;
    while (written < bytes.length) {
      if (used === page.length) openPage(bytes.length - written);
      const count = Math.min(bytes.length - written, page.length - used);
      bytes.copy(page, used, written, written + count);
      used += count;
      at += count;
      written += count;
    }
    const padding = (8 - (at % 8)) % 8;
    used += padding;
    at += padding;
  }
  return { bytes: Buffer.concat(pages).subarray(0, at - start), starts };
}

export function encodeRecord(
  { manager, info, xid, body }: SyntheticRecord,
  previous: number,
): Buffer {
  const bytes = Buffer.concat([Buffer.alloc(24), body]);
  bytes.writeUInt32LE(bytes.length, 0);
  bytes.writeUInt32LE(xid, 4);
  bytes.writeBigUInt64LE(BigInt(previous), 8);
  bytes[16] = info;
  bytes[17] = manager;
  const crc = crc32cUpdate(crc32cUpdate(CRC32C_INIT, bytes, 24, bytes.length), bytes, 0, 20);
  bytes.writeUInt32LE(crc32cFinish(crc), 20);
  return bytes;
}
