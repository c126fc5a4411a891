import { PAGE_HASH_BYTES } from '../frames/page-hash.ts';
import { append, type Extent, type Place } from '../maps/extent-map.ts';
import type { FrameOwner } from '../packs/filled-frame.ts';

/**
 * What became of the units of one captured file: stored somewhere, zero, or the parent's.
 * Whoever feeds it calls `expect` for units on their way to a pack, and `close` after the last.
 */
export class FileUnits implements FrameOwner {
  readonly path: string;
  /** Resolves when every unit that was expected is placed and sealed. */
  readonly settled: Promise<void>;
  readonly #extents: Extent[] = [];
  #hashes: Buffer | undefined;
  #pending = 0;
  #closed = false;
  #settle: () => void = () => undefined;
  #stored = 0;

  constructor(path: string) {
    this.path = path;
    this.settled = new Promise((resolve) => {
      this.#settle = resolve;
    });
  }

  /** Units stored in packs for this file. */
  get stored(): number {
    return this.#stored;
  }

  /** Of a paged file, where hashes of pages are noted as they become known. */
  get hashes(): Buffer | undefined {
    return this.#hashes;
  }

  useHashes(hashes: Buffer): void {
    this.#hashes = hashes;
  }

  expect(count: number): void {
    this.#pending += count;
    this.#stored += count;
  }

  zero(start: number): void {
    append(this.#extents, { start, count: 1, at: null });
  }

  hash(start: number, hashes: Uint8Array): void {
    this.#hashes?.set(hashes, start * PAGE_HASH_BYTES);
  }

  placed(run: { start: number; count: number; at: Place }): void {
    append(this.#extents, run);
  }

  sealed(run: { start: number; count: number }, hashes: Uint8Array): void {
    this.hash(run.start, hashes);
    this.#pending -= run.count;
    this.#check();
  }

  close(): void {
    this.#closed = true;
    this.#check();
  }

  /** Ascending, joined. Zeroes are noted before the pages around them have a place. */
  extents(): Extent[] {
    const joined: Extent[] = [];
    const sorted = [...this.#extents].sort((a, b) => a.start - b.start);
    for (const extent of sorted) append(joined, extent);
    return joined;
  }

  #check(): void {
    if (this.#closed && this.#pending === 0) this.#settle();
  }
}
