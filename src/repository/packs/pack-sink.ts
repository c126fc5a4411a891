import type { FramePool } from '../frames/frame-pool.ts';
import type { Repository } from '../repository.ts';
import { BufferPool } from './buffer-pool.ts';
import { ByteBudget } from './byte-budget.ts';
import { type FilledFrame, frameBufferBytes } from './filled-frame.ts';
import { OpenPack, type PackReference } from './open-pack.ts';

const TARGET_BYTES = 32 * 1024 * 1024;
/** Raw content waiting for a thread or for room in a pack. */
const RAW_LIMIT_BYTES = 16 * 1024 * 1024;
/** Of each size of buffer: as much as two packs. */
const KEEP_BYTES = 2 * TARGET_BYTES;
/** Packs on their way to the store, besides the one being filled. */
const UPLOADS = 1;

/**
 * Takes frames in order, seals them on other threads, and stores them in packs.
 *
 * The first failure stops everything: it is thrown at the next `add`, and by `finish`.
 */
export class PackSink {
  readonly #repository: Repository;
  readonly #pool: FramePool;
  readonly #guard: () => void;
  readonly #target: number;
  readonly #budget = new ByteBudget(RAW_LIMIT_BYTES);
  readonly #buffers = new BufferPool({ keepBytes: KEEP_BYTES });
  readonly #queue: FilledFrame[] = [];
  readonly #uploads = new Set<Promise<void>>();
  readonly #stored: PackReference[] = [];
  #open: OpenPack | undefined;
  #pumping = false;
  #pumped: Promise<void> = Promise.resolve();
  #failure: { readonly error: unknown } | undefined;

  constructor(options: {
    repository: Repository;
    pool: FramePool;
    /** Called before every write; throws when this writer must stop. */
    guard: () => void;
    target?: number;
  }) {
    this.#repository = options.repository;
    this.#pool = options.pool;
    this.#guard = options.guard;
    this.#target = options.target ?? TARGET_BYTES;
  }

  /** A buffer for a frame of this unit: hand it back in `add`, or with `release`. */
  buffer(unit: number): ArrayBuffer {
    const size = frameBufferBytes(unit);
    this.#budget.add(size);
    return this.#buffers.take(size);
  }

  release(raw: ArrayBuffer): void {
    this.#budget.release(raw.byteLength);
    this.#buffers.give(raw);
  }

  add(frame: FilledFrame): void {
    this.assertSound();
    this.#queue.push(frame);
    if (this.#pumping) return;
    this.#pumping = true;
    this.#pumped = this.#pump();
  }

  pressure(): Promise<void> | undefined {
    return this.#failure === undefined ? this.#budget.relief() : undefined;
  }

  /** Stores what is left. Resolves with every pack, all of them durable. */
  async finish(): Promise<readonly PackReference[]> {
    await this.#pumped;
    if (this.#open !== undefined) this.#upload(this.#open);
    this.#open = undefined;
    await Promise.all(this.#uploads);
    this.assertSound();
    return this.#stored;
  }

  /** After `fail`: resolves when no write to the store is under way any more. */
  async quiet(): Promise<void> {
    await this.#pumped;
    await Promise.all(this.#uploads);
  }

  fail(error: unknown): void {
    this.#failure ??= { error };
    this.#queue.length = 0;
    this.#budget.relieve();
  }

  assertSound(): void {
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  async #pump(): Promise<void> {
    try {
      for (let frame = this.#queue.shift(); frame !== undefined; frame = this.#queue.shift()) {
        if (this.#open !== undefined && this.#open.expectedSize >= this.#target) {
          const full = this.#open;
          this.#open = undefined;
          while (this.#uploads.size >= UPLOADS) await Promise.race(this.#uploads);
          this.#upload(full);
        }
        if (this.#failure !== undefined) return;
        this.#open ??= new OpenPack({
          repository: this.#repository,
          pool: this.#pool,
          buffers: this.#buffers,
        });
        const sealed = this.#open.add(frame, (raw) => this.release(raw));
        sealed.catch((error) => this.fail(error));
      }
    } catch (error) {
      this.fail(error);
    } finally {
      this.#pumping = false;
    }
  }

  #upload(pack: OpenPack): void {
    const upload = this.#store(pack)
      .catch((error) => this.fail(error))
      .finally(() => this.#uploads.delete(upload));
    this.#uploads.add(upload);
  }

  async #store(pack: OpenPack): Promise<void> {
    const { key, parts, reference, free } = await pack.close();
    if (this.#failure !== undefined) return;
    this.#guard();
    await this.#repository.store.put(key, parts);
    free();
    this.#stored.push(reference);
  }
}
