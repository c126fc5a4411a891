import { createHash, hash } from 'node:crypto';
import { sealFrame } from '../frames/frame-cipher.ts';
import { FRAME_KIND } from '../frames/frame-header.ts';
import type { FramePool } from '../frames/frame-pool.ts';
import type { Repository } from '../repository.ts';
import { type FilledFrame, frameUnits } from './filled-frame.ts';
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

interface Slot {
  readonly sealed: Uint8Array;
  readonly frame: Omit<FooterFrame, 'offset'>;
}

/** A pack in memory, from its first frame until it is stored. */
export class OpenPack {
  readonly id: string;
  readonly #repository: Repository;
  readonly #pool: FramePool;
  readonly #key: Buffer;
  readonly #slots: (Slot | undefined)[] = [];
  readonly #sealing: Promise<void>[] = [];
  readonly #sha256 = createHash('sha256');
  #hashed = 0;
  #rawPending = 0;
  #rawSealed = 0;
  #size = 0;

  constructor(options: { repository: Repository; pool: FramePool }) {
    this.#repository = options.repository;
    this.#pool = options.pool;
    this.id = options.repository.host.random.bytes(16).toString('hex');
    this.#key = options.repository.host.random.bytes(32);
  }

  /** Bytes sealed, and what the frames on their way will likely add. */
  get expectedSize(): number {
    const ratio = this.#rawSealed === 0 ? 1 : Math.min(1, this.#size / this.#rawSealed);
    return this.#size + this.#rawPending * ratio;
  }

  /**
   * Gives the frame the next number, tells its owners, and seals it on another thread.
   * `freed` gets the raw buffer back.
   */
  add(frame: FilledFrame, freed: (raw: ArrayBuffer) => void): Promise<void> {
    const number = this.#slots.length;
    const base = number * frameUnits(frame.unit);
    let at = 0;
    for (const { owner, start, count } of frame.runs) {
      owner.placed({ start, count, at: { pack: this.id, position: base + at } });
      at += count;
    }
    this.#slots.push(undefined);
    this.#rawPending += frame.units * frame.unit;
    const sealing = this.#seal(number, frame, freed);
    this.#sealing.push(sealing);
    return sealing;
  }

  /** Resolves with the object's parts once every frame is sealed. */
  async close(): Promise<{ key: string; parts: Uint8Array[]; reference: PackReference }> {
    await Promise.all(this.#sealing);
    const parts: Uint8Array[] = [];
    const frames: FooterFrame[] = [];
    let offset = 0;
    for (const slot of this.#slots as Slot[]) {
      frames.push({ ...slot.frame, offset });
      parts.push(slot.sealed);
      offset += slot.sealed.length;
    }
    const { tail, digest } = this.#tail(frames, offset);
    parts.push(tail);
    const sha256 = this.#sha256.update(tail).digest('hex');
    const reference = { id: this.id, size: offset + tail.length, sha256, tail: digest };
    return { key: packKey(this.id), parts, reference };
  }

  async #seal(number: number, frame: FilledFrame, freed: (raw: ArrayBuffer) => void) {
    const { kind, unit, units, runs } = frame;
    const length = units * unit;
    const address = { repository: this.#repository.id, object: this.id, number, kind };
    const result = await this.#pool.seal({
      task: 'seal',
      raw: frame.raw,
      length,
      unit,
      key: Uint8Array.from(this.#key),
      address,
      check: number % CHECK_EVERY === 0,
    });
    freed(result.raw);
    const sealed = new Uint8Array(result.sealed);
    this.#slots[number] = {
      sealed,
      frame: {
        length: sealed.length,
        kind,
        unit,
        units,
        digest: result.digest,
        runs: runs.map(({ owner, start, count }) => ({ path: owner.path, start, count })),
      },
    };
    this.#size += sealed.length;
    this.#rawPending -= length;
    this.#rawSealed += length;
    this.#hashSealed();
    const perUnit = result.hashes.length / units;
    let at = 0;
    for (const { owner, start, count } of runs) {
      owner.sealed({ start, count }, result.hashes.subarray(at, at + count * perUnit));
      at += count * perUnit;
    }
  }

  /** Frames finish in any order; the object's hash takes them in theirs. */
  #hashSealed(): void {
    for (let slot = this.#slots[this.#hashed]; slot; slot = this.#slots[this.#hashed]) {
      this.#sha256.update(slot.sealed);
      this.#hashed += 1;
    }
  }

  #tail(frames: readonly FooterFrame[], offset: number): { tail: Buffer; digest: string } {
    const { id: repository, keys } = this.#repository;
    const number = frames.length;
    const address = { repository, object: this.id, number, kind: FRAME_KIND.footer };
    const footer = sealFrame({ key: this.#key, address, plaintext: encodeFooter(frames) });
    const trailer = {
      epoch: EPOCH,
      frameCount: number,
      repository,
      pack: this.id,
      footerOffset: offset,
      footerLength: footer.length,
    };
    const sealedKey = keys.sealPackKey(this.#key, sealedKeyBinding(trailer));
    const tail = Buffer.concat([footer, encodeTrailer({ ...trailer, sealedKey })]);
    return { tail, digest: hash('sha256', tail, 'hex') };
  }
}
