import { HoldfastError } from '../../../errors/holdfast-error.ts';
import { SEGMENT_PAGES } from './relation-path.ts';

/**
 * INCREMENTAL.<name> (postgres: basebackup_incremental.c), in the byte order of the server:
 *
 *   u32 magic 0xd3ae1f0d ‖ u32 num_blocks ‖ u32 truncation_block_length
 *   u32 block number[num_blocks], ascending, relative to the segment
 *   zeroes to a multiple of the page size, only if num_blocks > 0
 *   num_blocks pages
 *
 * Blocks below truncation_block_length that are not listed are the parent's.
 */
const MAGIC = 0xd3ae1f0d;
const FIXED = 12;

export interface IncrementalHeader {
  readonly pages: Uint32Array;
  /** In pages: below it, unlisted pages are the parent's. */
  readonly truncation: number;
  /** In pages, of the restored file. */
  readonly length: number;
}

/** Collects the header of one incremental file; the rest of its content is whole pages. */
export class IncrementalHeaderReader {
  readonly #path: string;
  readonly #size: number;
  readonly #pageSize: number;
  #bytes = Buffer.alloc(FIXED);
  #length = 0;
  #wanted = FIXED;
  #littleEndian = true;

  constructor(options: {
    readonly path: string;
    /** Of the incremental file itself. */
    readonly size: number;
    readonly pageSize: number;
  }) {
    this.#path = options.path;
    this.#size = options.size;
    this.#pageSize = options.pageSize;
  }

  /** Answers the header once it is whole, and how much of `bytes` belonged to it. */
  push(bytes: Buffer): { readonly header: IncrementalHeader | undefined; readonly used: number } {
    let used = 0;
    for (;;) {
      const take = Math.min(this.#wanted - this.#length, bytes.length - used);
      bytes.copy(this.#bytes, this.#length, used, used + take);
      this.#length += take;
      used += take;
      if (this.#length < this.#wanted) return { header: undefined, used };
      if (this.#wanted > FIXED || !this.#growToBlockList()) return { header: this.#parse(), used };
    }
  }

  /** False when the fixed part is all there is. */
  #growToBlockList(): boolean {
    if (this.#bytes.readUInt32LE(0) !== MAGIC) {
      if (this.#bytes.readUInt32BE(0) !== MAGIC) throw this.#invalid('its magic number is wrong');
      this.#littleEndian = false;
    }
    const blocks = this.#u32(4);
    if (blocks > SEGMENT_PAGES) throw this.#invalid(`it lists ${blocks} blocks`);
    if (blocks > 0) {
      const list = FIXED + 4 * blocks;
      this.#wanted = Math.ceil(list / this.#pageSize) * this.#pageSize;
    }
    const expected = this.#wanted + blocks * this.#pageSize;
    if (this.#size !== expected) {
      throw this.#invalid(`it has ${this.#size} bytes where ${expected} are due`);
    }
    if (blocks === 0) return false;
    const grown = Buffer.alloc(this.#wanted);
    this.#bytes.copy(grown);
    this.#bytes = grown;
    return true;
  }

  #parse(): IncrementalHeader {
    const pages = new Uint32Array(this.#u32(4));
    for (let index = 0; index < pages.length; index++) {
      const page = this.#u32(FIXED + 4 * index);
      if (page >= SEGMENT_PAGES || (index > 0 && page <= pages[index - 1]!)) {
        throw this.#invalid('its block numbers do not ascend within a segment');
      }
      pages[index] = page;
    }
    // Servers before 17.8 and 18.2 may exceed the segment here (postgres ecd275718b).
    const truncation = Math.min(this.#u32(8), SEGMENT_PAGES);
    return { pages, truncation, length: Math.max(truncation, (pages.at(-1) ?? -1) + 1) };
  }

  #u32(at: number): number {
    return this.#littleEndian ? this.#bytes.readUInt32LE(at) : this.#bytes.readUInt32BE(at);
  }

  #invalid(reason: string): HoldfastError {
    return new HoldfastError('POSTGRES_INCREMENTAL_INVALID', { path: this.#path, reason });
  }
}

const PREFIX = 'INCREMENTAL.';

/** `base/5/INCREMENTAL.16384` → `base/5/16384`; undefined for other files. */
export function incrementalTarget(path: string): string | undefined {
  const slash = path.lastIndexOf('/') + 1;
  if (!path.startsWith(PREFIX, slash)) return undefined;
  return path.slice(0, slash) + path.slice(slash + PREFIX.length);
}
