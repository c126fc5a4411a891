/**
 * Where the content of one file is. Content is counted in units: pages of a paged file, bytes of a
 * stream. Extents cover units 0 up to `length` in order, without gap or overlap.
 *
 * A position in a pack is `frame × frameUnits + unit in the frame`. Because a frame is full before
 * the next one begins, a long run keeps counting across frames and stays one extent.
 */
export interface ExtentMap {
  /** Units of a full frame of this file's kind. */
  readonly frameUnits: number;
  /** Units. */
  readonly length: number;
  readonly extents: readonly Extent[];
}

export interface Extent {
  readonly start: number;
  readonly count: number;
  /** Null: zeroes. */
  readonly at: Place | null;
}

export interface Place {
  /** Pack id. */
  readonly pack: string;
  readonly position: number;
}

/** The next extent goes on exactly where the previous one ends. */
function joins(previous: Extent, next: Extent): boolean {
  if (previous.start + previous.count !== next.start) return false;
  if (previous.at === null || next.at === null) return previous.at === next.at;
  return (
    previous.at.pack === next.at.pack && previous.at.position + previous.count === next.at.position
  );
}

/** Appends, joining with the last extent where possible; an empty extent is dropped. */
export function append(extents: Extent[], next: Extent): void {
  if (next.count === 0) return;
  const last = extents.at(-1);
  if (last === undefined || !joins(last, next)) extents.push(next);
  else extents[extents.length - 1] = { ...last, count: last.count + next.count };
}

/** The part of `extent` inside units `from` up to `to`; its count is 0 when there is none. */
function clip(extent: Extent, from: number, to: number): Extent {
  const start = Math.max(extent.start, from);
  const end = Math.min(extent.start + extent.count, to);
  const at = extent.at && {
    pack: extent.at.pack,
    position: extent.at.position + start - extent.start,
  };
  return { start, count: Math.max(0, end - start), at };
}

export interface Composition {
  readonly parent: ExtentMap;
  /** Ascending, not overlapping, all below `length`. They win over the parent. */
  readonly changed: readonly Extent[];
  /** Units below this that are not in `changed` are the parent's. */
  readonly limit: number;
  /** Units of the result. What comes from nowhere is zero. */
  readonly length: number;
}

/** The map of a file that changed in places since its parent. */
export function compose(composition: Composition): ExtentMap {
  const { parent, changed, length } = composition;
  const kept = Math.min(composition.limit, parent.length, length);
  const extents: Extent[] = [];
  const source = new Cursor(parent.extents);
  let at = 0;
  const fill = (to: number) => {
    for (const extent of source.range(at, Math.min(to, kept))) append(extents, extent);
    const zero = Math.max(at, Math.min(to, kept));
    append(extents, { start: zero, count: Math.max(0, to - zero), at: null });
  };
  for (const extent of changed) {
    if (extent.start < at || extent.start + extent.count > length) {
      throw new RangeError(`changed extents overlap or pass the end at ${extent.start}`);
    }
    fill(extent.start);
    append(extents, extent);
    at = extent.start + extent.count;
  }
  fill(length);
  return { frameUnits: parent.frameUnits, length, extents };
}

/** The extents inside units `from` up to `to`, clipped. */
export function slice(map: ExtentMap, from: number, to: number): Extent[] {
  return [...new Cursor(map.extents).range(from, to)];
}

/** Packs the map reads from, in order of first use. */
export function packsOf(map: ExtentMap): Set<string> {
  const packs = new Set<string>();
  for (const { at } of map.extents) if (at !== null) packs.add(at.pack);
  return packs;
}

/** Answers ranges in ascending order in one walk. */
class Cursor {
  readonly #extents: readonly Extent[];
  #index = 0;

  constructor(extents: readonly Extent[]) {
    this.#extents = extents;
  }

  *range(from: number, to: number): Generator<Extent> {
    for (; this.#index < this.#extents.length; this.#index += 1) {
      const extent = this.#extents[this.#index] as Extent;
      if (extent.start >= to) return;
      const part = clip(extent, from, to);
      if (part.count > 0) yield part;
      // The rest of it may belong to the next range.
      if (extent.start + extent.count > to) return;
    }
  }
}
