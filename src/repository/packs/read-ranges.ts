import type { ByteRange } from '../../store/store.ts';

/** Reading this much for nothing costs less than another request. */
const GAP_BYTES = 1024 * 1024;
const RANGE_BYTES = 8 * 1024 * 1024;

export interface Stretch {
  readonly offset: number;
  readonly length: number;
}

export interface RangeOf<T extends Stretch> extends ByteRange {
  readonly parts: readonly T[];
}

/** The requests that fetch all stretches (ascending): joined over small gaps, up to a size. */
export function planRanges<T extends Stretch>(stretches: readonly T[]): RangeOf<T>[] {
  const ranges: { start: number; end: number; parts: T[] }[] = [];
  for (const stretch of stretches) {
    const end = stretch.offset + stretch.length;
    const last = ranges.at(-1);
    const joins =
      last !== undefined &&
      stretch.offset - last.end < GAP_BYTES &&
      end - last.start <= RANGE_BYTES;
    if (!joins) ranges.push({ start: stretch.offset, end, parts: [stretch] });
    else {
      last.end = end;
      last.parts.push(stretch);
    }
  }
  return ranges;
}
