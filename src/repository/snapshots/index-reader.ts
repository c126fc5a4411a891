import { HoldfastError } from '../../errors/holdfast-error.ts';
import { openFrame } from '../frames/frame-cipher.ts';
import type { FrameKind } from '../frames/frame-header.ts';
import type { Repository } from '../repository.ts';
import { type BlobReference, indexCipherKey, indexKey } from './blob.ts';

/**
 * Blobs are written in the order files were captured, and read back in nearly the same order: a
 * window of the object around the one asked for holds the next ones too.
 */
const WINDOW_BYTES = 1024 * 1024;
const WINDOWS = 24;
const BLOB_LIMIT_BYTES = 1024 * 1024 * 1024;

/** Reads blobs of index objects of one lineage, with a small cache. */
export class IndexReader {
  readonly #repository: Repository;
  readonly #lineage: string;
  readonly #windows = new Map<string, Promise<Buffer>>();

  constructor(options: { repository: Repository; lineage: string }) {
    this.#repository = options.repository;
    this.#lineage = options.lineage;
  }

  /** OBJECT_CORRUPT unless exactly this blob is there; STORE_ABSENT when the object is gone. */
  async read(blob: BlobReference, kind: FrameKind): Promise<Buffer> {
    const { object, number, offset, length } = blob;
    const sealed = await this.#bytes(object, offset, offset + length);
    if (sealed.length !== length) {
      const reason = `it ends before its blob ${number}`;
      throw new HoldfastError('OBJECT_CORRUPT', { object: indexKey(object), reason });
    }
    return openFrame({
      key: indexCipherKey(this.#repository, this.#lineage, object),
      address: { repository: this.#repository.id, object, number, kind },
      sealed,
      maxLength: BLOB_LIMIT_BYTES,
      name: indexKey(object),
    });
  }

  async #bytes(object: string, start: number, end: number): Promise<Buffer> {
    if (end - start > WINDOW_BYTES) {
      return await this.#repository.store.get(indexKey(object), { start, end });
    }
    const parts: Buffer[] = [];
    for (let at = start; at < end; ) {
      const index = Math.floor(at / WINDOW_BYTES);
      const window = await this.#window(object, index);
      const base = index * WINDOW_BYTES;
      parts.push(window.subarray(at - base, end - base));
      at = base + WINDOW_BYTES;
    }
    return Buffer.concat(parts);
  }

  #window(object: string, index: number): Promise<Buffer> {
    const name = `${object}/${index}`;
    const start = index * WINDOW_BYTES;
    const cached = this.#windows.get(name);
    const window =
      cached ?? this.#repository.store.get(indexKey(object), { start, end: start + WINDOW_BYTES });
    this.#windows.delete(name);
    this.#windows.set(name, window);
    // A failure is not remembered: the next read asks again.
    if (cached === undefined) window.catch(() => this.#windows.delete(name));
    const oldest = this.#windows.keys().next().value;
    if (this.#windows.size > WINDOWS && oldest !== undefined) this.#windows.delete(oldest);
    return window;
  }
}
