import type { FramePool } from '../frames/frame-pool.ts';
import { hashPages, PAGE_HASH_BYTES } from '../frames/page-hash.ts';
import { frameUnits } from '../packs/filled-frame.ts';
import type { PackSink } from '../packs/pack-sink.ts';
import type { FileUnits } from './file-units.ts';
import type { FrameFeed } from './frame-feed.ts';
import { type Intake, isZero } from './intake.ts';

export interface ComparingOptions {
  readonly units: FileUnits;
  readonly feed: FrameFeed;
  readonly sink: PackSink;
  readonly pool: FramePool;
  readonly pageSize: number;
  /** Pages that will be written. */
  readonly pages: number;
  /** The page that the nth page written is. */
  readonly pageAt: (nth: number) => number;
  /** The page hashes of the parent's file; `units` have theirs to be filled by then. */
  readonly parentHashes: Promise<Buffer>;
  /** Told of each page that is the parent's, unchanged. */
  readonly same: (page: number) => void;
}

/** Most relation files are this small: hashing them costs less than sending them anywhere. */
const SMALL_BYTES = 64 * 1024;

/**
 * Pages of a file that the parent has: hashed, on another thread if they are many, and stored only
 * where the hash is not the parent's (trap 2: the page's LSN cannot tell).
 */
export class ComparingIntake implements Intake {
  readonly #options: ComparingOptions;
  readonly #capacity: number;
  readonly #small: boolean;
  #raw: ArrayBuffer | undefined;
  #filled = 0;
  /** Pages handed to the threads before the current buffer. */
  #sent = 0;
  #chain: Promise<void>;

  constructor(options: ComparingOptions) {
    this.#options = options;
    const size = options.pages * options.pageSize;
    this.#small = size <= SMALL_BYTES;
    this.#capacity = this.#small ? size : frameUnits(options.pageSize) * options.pageSize;
    this.#chain = options.parentHashes.then(() => undefined);
    this.#chain.catch((error) => options.sink.fail(error));
  }

  write(bytes: Uint8Array): void {
    for (let from = 0; from < bytes.length; ) {
      this.#raw ??= this.#buffer();
      const count = Math.min(bytes.length - from, this.#capacity - this.#filled);
      new Uint8Array(this.#raw).set(bytes.subarray(from, from + count), this.#filled);
      this.#filled += count;
      from += count;
      if (this.#filled === this.#capacity) this.#send();
    }
  }

  end(): Promise<void> {
    const { pageSize, units, sink } = this.#options;
    const rest = this.#filled % pageSize;
    if (this.#raw !== undefined && rest > 0) {
      new Uint8Array(this.#raw).fill(0, this.#filled, this.#filled + pageSize - rest);
      this.#filled += pageSize - rest;
    }
    this.#send();
    return this.#chain.then(
      () => units.close(),
      (error) => sink.fail(error),
    );
  }

  #send(): void {
    const buffer = this.#raw;
    if (buffer === undefined || this.#filled === 0) return;
    const { pool, pageSize, sink } = this.#options;
    const length = this.#filled;
    const first = this.#sent;
    this.#raw = undefined;
    this.#filled = 0;
    this.#sent += length / pageSize;
    const count = length / pageSize;
    if (this.#small) {
      const { hashes } = hashPages(new Uint8Array(buffer, 0, length), pageSize);
      this.#chain = this.#chain.then(() => this.#compare({ buffer, hashes, first, count }));
    } else {
      const hashed = pool.hash({ task: 'hash', buffer, length, pageSize });
      hashed.catch((error) => sink.fail(error));
      this.#chain = this.#chain.then(async () => {
        const result = await hashed;
        await this.#compare({ ...result, first, count });
        sink.release(result.buffer);
      });
    }
    this.#chain.catch((error) => sink.fail(error));
  }

  #buffer(): ArrayBuffer {
    const { sink, pageSize } = this.#options;
    return this.#small ? new ArrayBuffer(this.#capacity) : sink.buffer(pageSize);
  }

  async #compare(sent: {
    buffer: ArrayBuffer;
    hashes: Uint8Array;
    first: number;
    count: number;
  }): Promise<void> {
    const { units, feed, pageSize, pageAt, same } = this.#options;
    const parent = await this.#options.parentHashes;
    for (let index = 0; index < sent.count; index += 1) {
      const page = pageAt(sent.first + index);
      const hash = sent.hashes.subarray(index * PAGE_HASH_BYTES, (index + 1) * PAGE_HASH_BYTES);
      const at = page * PAGE_HASH_BYTES;
      units.hash(page, hash);
      if (parent.subarray(at, at + PAGE_HASH_BYTES).equals(hash)) {
        same(page);
        continue;
      }
      const bytes = Buffer.from(sent.buffer, index * pageSize, pageSize);
      if (isZero(bytes)) {
        units.zero(page);
        continue;
      }
      const frame = feed.builder(pageSize);
      frame.bytes.set(bytes, frame.offset);
      frame.take(units, page, 1);
      units.expect(1);
      feed.advance();
    }
  }
}
