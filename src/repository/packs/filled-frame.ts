import { FRAME_OVERHEAD } from '../frames/frame-cipher.ts';
import { FRAME_KIND } from '../frames/frame-header.ts';
import type { Place } from '../maps/extent-map.ts';

/** A file, as the packs see it: told where its units went. */
export interface FrameOwner {
  readonly path: string;
  /** The place of units `start` up to `start + count`. Called once for each run, in order. */
  placed(run: { readonly start: number; readonly count: number; readonly at: Place }): void;
  /** The run is sealed; of pages, with their hashes (12 bytes each). */
  sealed(run: { readonly start: number; readonly count: number }, hashes: Uint8Array): void;
}

export interface OwnedRun {
  readonly owner: FrameOwner;
  readonly start: number;
  readonly count: number;
}

/** A frame's content before it has a place. */
export interface FilledFrame {
  readonly kind: typeof FRAME_KIND.pages | typeof FRAME_KIND.stream;
  /** Bytes of a unit. */
  readonly unit: number;
  readonly units: number;
  readonly raw: ArrayBuffer;
  readonly runs: readonly OwnedRun[];
}

const PAGE_FRAME_BYTES = 128 * 1024;
const STREAM_FRAME_BYTES = 1024 * 1024;

/** Units of a full frame. `unit` is the page size, or 1 for a stream. */
export function frameUnits(unit: number): number {
  return unit === 1 ? STREAM_FRAME_BYTES : Math.max(1, Math.floor(PAGE_FRAME_BYTES / unit));
}

/** Bytes of a buffer that a full frame of this unit is filled, sealed and opened in. */
export function frameBufferBytes(unit: number): number {
  return frameUnits(unit) * unit + FRAME_OVERHEAD;
}

/** A frame that is being filled with runs of one or several files. */
export class FrameBuilder {
  readonly unit: number;
  readonly capacity: number;
  readonly bytes: Buffer;
  readonly #raw: ArrayBuffer;
  readonly #runs: { owner: FrameOwner; start: number; count: number }[] = [];
  #units = 0;

  constructor(options: { unit: number; raw: ArrayBuffer }) {
    this.unit = options.unit;
    this.capacity = frameUnits(options.unit);
    this.#raw = options.raw;
    this.bytes = Buffer.from(options.raw, 0, this.capacity * options.unit);
  }

  get units(): number {
    return this.#units;
  }

  get full(): boolean {
    return this.#units === this.capacity;
  }

  /** The bytes from here on are free to be written before `take`. */
  get offset(): number {
    return this.#units * this.unit;
  }

  /** The next `count` units, whose bytes are in place, are this file's from `start`. */
  take(owner: FrameOwner, start: number, count: number): void {
    const last = this.#runs.at(-1);
    if (last !== undefined && last.owner === owner && last.start + last.count === start) {
      last.count += count;
    } else {
      this.#runs.push({ owner, start, count });
    }
    this.#units += count;
  }

  finish(): FilledFrame {
    const kind = this.unit === 1 ? FRAME_KIND.stream : FRAME_KIND.pages;
    return { kind, unit: this.unit, units: this.#units, raw: this.#raw, runs: this.#runs };
  }
}
