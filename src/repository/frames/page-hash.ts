import { hash } from 'node:crypto';

/** A page is recognised by the first 12 bytes of its SHA-256. */
export const PAGE_HASH_BYTES = 12;
const SHA256_BYTES = 32;

export interface PageHashes {
  /** 12 bytes per page. */
  readonly hashes: Uint8Array<ArrayBuffer>;
  /** SHA-256 of the pages' SHA-256s, in order: what a footer keeps of a page frame. */
  readonly digest: Buffer;
}

/** `pages` holds whole pages. */
export function hashPages(pages: Uint8Array, pageSize: number): PageHashes {
  const count = pages.length / pageSize;
  const hashes = new Uint8Array(count * PAGE_HASH_BYTES);
  const digests = Buffer.alloc(count * SHA256_BYTES);
  for (let page = 0; page < count; page += 1) {
    const digest = hash('sha256', pages.subarray(page * pageSize, (page + 1) * pageSize), 'buffer');
    digests.set(digest, page * SHA256_BYTES);
    hashes.set(digest.subarray(0, PAGE_HASH_BYTES), page * PAGE_HASH_BYTES);
  }
  return { hashes, digest: hash('sha256', digests, 'buffer') };
}

const zeroes = new Map<number, Buffer>();

/** The hash of a page of zeroes. */
export function zeroPageHash(pageSize: number): Buffer {
  let found = zeroes.get(pageSize);
  if (found === undefined) {
    found = hash('sha256', Buffer.alloc(pageSize), 'buffer').subarray(0, PAGE_HASH_BYTES);
    zeroes.set(pageSize, found);
  }
  return found;
}
