import { createHash, hash } from 'node:crypto';
import { sealFrame } from '../frames/frame-cipher.ts';
import { FRAME_KIND } from '../frames/frame-header.ts';
import type { FramePool } from '../frames/frame-pool.ts';
import type { Repository } from '../repository.ts';
import type { BufferPool } from './buffer-pool.ts';
import { type FilledFrame, frameUnits } from './filled-frame.ts';
import { PackBody } from './pack-body.ts';
import { encodeFooter, type FooterFrame } from './pack-footer.ts';
import { encodeTrailer, packKey, sealedKeyBinding } from './pack-trailer.ts';

/** What a commit remembers of a pack. */
export interface PackReference {
  readonly id: string;
  readonly size: number;
  /** Of the whole object, hex. */
  readonly sha256: string;
  /** SHA-256 of footer and trailer, hex (pack-trailer.ts). */
  readonly tail: string;
}

/** Every so many frames one is opened again and compared (trap 23). */
const CHECK_EVERY = 64;
const EPOCH = 0;

/** A sealed frame that waits for the ones before it. */
interface SealedFrame {
  readonly buffer: ArrayBuffer;
  readonly freed: (buffer: ArrayBuffer) => void;
  readonly frame: Omit<FooterFrame, 'offset'>;
}

/** A pack in memory, from its first frame until it is stored. */
export class OpenPack {
  readonly id: string;
  readonly #repository: Repository;
  readonly #pool: FramePool;
  readonly #key: Buffer;
  readonly #body: PackBody;
  readonly #frames: FooterFrame[] = [];
  readonly #waiting = new Map<number, SealedFrame>();
  readonly #sealing: Promise<void>[] = [];
  readonly #sha256 = createHash('sha256');
  #rawPending = 0;
  #rawSealed = 0;
  #sealedSize = 0;

  constructor(options: { repository: Repository; pool: FramePool; buffers: BufferPool }) {
    this.#repository = options.repository;
    this.#pool = options.pool;
    this.#body = new PackBody(options.buffers);
    this.id = options.repository.host.random.bytes(16).toString('hex');
    this.#key = options.repository.host.random.bytes(32);
  }

  /** Bytes sealed, and what the frames on their way will likely add. */
  get expectedSize(): number {
    const ratio = this.#rawSealed === 0 ? 1 : Math.min(1, this.#sealedSize / this.#rawSealed);
    return this.#sealedSize + this.#rawPending * ratio;
  }

  /**
   * Gives the frame the next number, tells its owners, and seals it on another thread.
   * `freed` gets the buffer back.
   */
  add(frame: FilledFrame, freed: (buffer: ArrayBuffer) => void): Promise<void> {
    const number = this.#sealing.length;
    const base = number * frameUnits(frame.unit);
    let at = 0;
    for (const { owner, start, count } of frame.runs) {
      owner.placed({ start, count, at: { pack: this.id, position: base + at } });
      at += count;
    }
    this.#rawPending += frame.units * frame.unit;
    const sealing = this.#seal(number, frame, freed);
    this.#sealing.push(sealing);
    return sealing;
  }

  /** Resolves with the object once every frame is sealed. `free` ends the use of its parts. */
  async close(): Promise<{
    key: string;
    parts: Uint8Array[];
    reference: PackReference;
    free: () => void;
  }> {
    await Promise.all(this.#sealing);
    const { tail, digest } = this.#tail();
    this.#append(tail);
    const sha256 = this.#sha256.digest('hex');
    const reference = { id: this.id, size: this.#body.length, sha256, tail: digest };
    const free = () => this.#body.free();
    return { key: packKey(this.id), parts: this.#body.parts(), reference, free };
  }

  async #seal(number: number, frame: FilledFrame, freed: (buffer: ArrayBuffer) => void) {
    const { kind, unit, units, runs } = frame;
    const length = units * unit;
    const address = { repository: this.#repository.id, object: this.id, number, kind };
    const result = await this.#pool.seal({
      task: 'seal',
      buffer: frame.raw,
      length,
      unit,
      key: Uint8Array.from(this.#key),
      address,
      check: number % CHECK_EVERY === 0,
    });
    this.#waiting.set(number, {
      buffer: result.buffer,
      freed,
      frame: {
        length: result.length,
        kind,
        unit,
        units,
        digest: result.digest,
        runs: runs.map(({ owner, start, count }) => ({ path: owner.path, start, count })),
      },
    });
    this.#sealedSize += result.length;
    this.#rawPending -= length;
    this.#rawSealed += length;
    this.#appendSealed();
    const perUnit = result.hashes.length / units;
    let at = 0;
    for (const { owner, start, count } of runs) {
      owner.sealed({ start, count }, result.hashes.subarray(at, at + count * perUnit));
      at += count * perUnit;
    }
  }

  /** Frames are sealed in any order, and take their places in theirs. */
  #appendSealed(): void {
    for (;;) {
      const number = this.#frames.length;
      const next = this.#waiting.get(number);
      if (next === undefined) return;
      this.#waiting.delete(number);
      this.#frames.push({ ...next.frame, offset: this.#body.length });
      this.#append(new Uint8Array(next.buffer, 0, next.frame.length));
      next.freed(next.buffer);
    }
  }

  #append(bytes: Uint8Array): void {
    this.#sha256.update(bytes);
    this.#body.append(bytes);
  }

  #tail(): { tail: Buffer; digest: string } {
    const frames = this.#frames;
    const { id: repository, keys } = this.#repository;
    const number = frames.length;
    const address = { repository, object: this.id, number, kind: FRAME_KIND.footer };
    const footer = sealFrame({ key: this.#key, address, plaintext: encodeFooter(frames) });
    const trailer = {
      epoch: EPOCH,
      frameCount: number,
      repository,
      pack: this.id,
      footerOffset: this.#body.length,
      footerLength: footer.length,
    };
    const sealedKey = keys.sealPackKey(this.#key, sealedKeyBinding(trailer));
    const tail = Buffer.concat([footer, encodeTrailer({ ...trailer, sealedKey })]);
    return { tail, digest: hash('sha256', tail, 'hex') };
  }
}
