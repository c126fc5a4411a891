import { HoldfastError } from '../../errors/holdfast-error.ts';
import type { Extent } from '../maps/extent-map.ts';
import { frameUnits } from '../packs/filled-frame.ts';
import { frameHolds } from '../packs/pack-footer.ts';
import type { OpenedPack, ReadFrame } from '../packs/pack-reader.ts';
import { packKey } from '../packs/pack-trailer.ts';
import { type FileEntry, unitOf } from './file-entry.ts';

/** Units of one file inside one frame. */
export interface Piece {
  readonly file: FileEntry;
  readonly start: number;
  readonly count: number;
  /** First unit in the frame. */
  readonly position: number;
}

interface Wanted {
  readonly file: FileEntry;
  readonly extent: Extent & { readonly at: { readonly pack: string; readonly position: number } };
}

/** What is to be read, pack by pack instead of file by file: each frame is fetched once. */
export class RestorePlan {
  readonly #byPack = new Map<string, Wanted[]>();
  #extents = 0;
  #files = 0;

  /** Extents and files, as a measure of the memory it takes. */
  get weight(): number {
    return this.#extents + this.#files;
  }

  get packs(): readonly string[] {
    return [...this.#byPack.keys()];
  }

  add(file: FileEntry, extents: readonly Extent[]): void {
    this.#files += 1;
    for (const extent of extents) {
      const { at } = extent;
      if (at === null) continue;
      const wanted = { file, extent: { ...extent, at } };
      const list = this.#byPack.get(at.pack);
      if (list === undefined) this.#byPack.set(at.pack, [wanted]);
      else list.push(wanted);
      this.#extents += 1;
    }
  }

  /** Paths that need a pack. */
  paths(pack: string): string[] {
    return [...new Set((this.#byPack.get(pack) ?? []).map(({ file }) => file.path))];
  }

  /** The pieces of each frame of a pack. */
  frames(pack: string): Map<number, Piece[]> {
    const frames = new Map<number, Piece[]>();
    for (const { file, extent } of this.#byPack.get(pack) ?? []) {
      const capacity = frameUnits(unitOf(file.shape));
      for (let done = 0; done < extent.count; ) {
        const at = extent.at.position + done;
        const number = Math.floor(at / capacity);
        const position = at % capacity;
        const count = Math.min(extent.count - done, capacity - position);
        const piece = { file, start: extent.start + done, count, position };
        const pieces = frames.get(number);
        if (pieces === undefined) frames.set(number, [piece]);
        else pieces.push(piece);
        done += count;
      }
    }
    return frames;
  }
}

/** OBJECT_CORRUPT unless the frame says of itself what the map says of it (trap 3). */
export function assertHolds(pack: OpenedPack, read: ReadFrame, piece: Piece): void {
  const { path, shape } = piece.file;
  const { frame, number } = read;
  const sameUnit = frame.unit === unitOf(shape);
  if (sameUnit && frameHolds(frame, { ...piece, path })) return;
  throw new HoldfastError('OBJECT_CORRUPT', {
    object: packKey(pack.reference.id),
    reason: `its frame ${number} does not hold what the map of ${path} expects there`,
  });
}
