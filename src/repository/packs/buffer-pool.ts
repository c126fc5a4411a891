/**
 * Buffers that are used again instead of being left to the collector, by size. What passes through
 * a snapshot is many times what it holds at once, and the sizes are few.
 */
export class BufferPool {
  readonly #free = new Map<number, ArrayBuffer[]>();
  readonly #keepBytes: number;

  /** Keeps up to `keepBytes` of each size. */
  constructor(options: { keepBytes: number }) {
    this.#keepBytes = options.keepBytes;
  }

  /** Its bytes are whatever they were. */
  take(size: number): ArrayBuffer {
    return this.#free.get(size)?.pop() ?? new ArrayBuffer(size);
  }

  give(buffer: ArrayBuffer): void {
    const free = this.#free.get(buffer.byteLength);
    if (free === undefined) this.#free.set(buffer.byteLength, [buffer]);
    else if (free.length * buffer.byteLength < this.#keepBytes) free.push(buffer);
  }
}
