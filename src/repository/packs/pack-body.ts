import type { BufferPool } from './buffer-pool.ts';

const SLAB_BYTES = 1024 * 1024;

/** The bytes of a pack in memory, in slabs that serve one pack after the other. */
export class PackBody {
  readonly #buffers: BufferPool;
  readonly #slabs: ArrayBuffer[] = [];
  #length = 0;

  constructor(buffers: BufferPool) {
    this.#buffers = buffers;
  }

  get length(): number {
    return this.#length;
  }

  append(bytes: Uint8Array): void {
    for (let from = 0; from < bytes.length; ) {
      const used = this.#length % SLAB_BYTES;
      if (used === 0) this.#slabs.push(this.#buffers.take(SLAB_BYTES));
      const slab = this.#slabs.at(-1) as ArrayBuffer;
      const count = Math.min(bytes.length - from, SLAB_BYTES - used);
      new Uint8Array(slab, used, count).set(bytes.subarray(from, from + count));
      this.#length += count;
      from += count;
    }
  }

  /** Views: gone after `free`. */
  parts(): Uint8Array[] {
    return this.#slabs.map((slab, index) => {
      const start = index * SLAB_BYTES;
      return new Uint8Array(slab, 0, Math.min(SLAB_BYTES, this.#length - start));
    });
  }

  free(): void {
    for (const slab of this.#slabs.splice(0)) this.#buffers.give(slab);
  }
}
