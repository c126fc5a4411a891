import { ByteReader } from '../codec/byte-reader.ts';
import { ByteWriter } from '../codec/byte-writer.ts';
import { FRAME_KIND } from '../frames/frame-header.ts';

/**
 * The plaintext of a pack's footer:
 *
 *   varint  version, 1
 *   varint  number of paths; each as text, in order of first use
 *   varint  number of frames; then for each, in order of number:
 *     varint  sealed length, header included; frames lie back to back from offset 0
 *     varint  kind: 1 pages, 2 stream
 *     varint  unit in bytes: the page size, 1 for a stream
 *     varint  units
 *     32      digest: of a stream frame SHA-256 of the plaintext; of a page frame SHA-256 of the
 *             SHA-256s of its pages
 *     varint  number of runs; then for each, in the order of the plaintext:
 *       varint  index of the path
 *       varint  first unit in that file
 *       varint  units
 *
 * Runs say what each unit of a frame is. Whoever reads by an extent map checks the map against
 * them, so that a wrong map cannot put one file's pages into another (trap 3).
 */
export interface FooterFrame {
  readonly offset: number;
  /** Sealed, header included. */
  readonly length: number;
  readonly kind: typeof FRAME_KIND.pages | typeof FRAME_KIND.stream;
  readonly unit: number;
  readonly units: number;
  readonly digest: Uint8Array;
  readonly runs: readonly Run[];
}

export interface Run {
  readonly path: string;
  readonly start: number;
  readonly count: number;
}

const VERSION = 1;

export function encodeFooter(frames: readonly FooterFrame[]): Buffer {
  const paths = new Map<string, number>();
  for (const { path } of frames.flatMap((frame) => frame.runs)) {
    if (!paths.has(path)) paths.set(path, paths.size);
  }
  const writer = new ByteWriter();
  writer.varint(VERSION).varint(paths.size);
  for (const path of paths.keys()) writer.text(path);
  writer.varint(frames.length);
  for (const { length, kind, unit, units, digest, runs } of frames) {
    writer.varint(length).varint(kind).varint(unit).varint(units).bytes(digest);
    writer.varint(runs.length);
    for (const { path, start, count } of runs) {
      writer
        .varint(paths.get(path) as number)
        .varint(start)
        .varint(count);
    }
  }
  return writer.finish();
}

/** OBJECT_CORRUPT naming `object` unless the frames fill exactly `footerOffset` bytes. */
export function decodeFooter(options: {
  bytes: Uint8Array;
  object: string;
  footerOffset: number;
}): FooterFrame[] {
  const reader = new ByteReader(options.bytes, options.object);
  if (reader.varint() !== VERSION) reader.fail('a footer of another version');
  const paths = Array.from({ length: reader.count(1) }, () => reader.text());
  const frames: FooterFrame[] = [];
  let offset = 0;
  for (let left = reader.count(37); left > 0; left -= 1) {
    const frame = readFrame(reader, paths, offset);
    frames.push(frame);
    offset += frame.length;
  }
  reader.end();
  if (offset !== options.footerOffset) reader.fail('frames that do not reach the footer');
  return frames;
}

function readFrame(reader: ByteReader, paths: readonly string[], offset: number): FooterFrame {
  const length = reader.varint();
  const kind = reader.varint();
  if (kind !== FRAME_KIND.pages && kind !== FRAME_KIND.stream) return reader.fail('a strange kind');
  const unit = reader.varint();
  const units = reader.varint();
  const digest = reader.bytes(32);
  const runs: Run[] = [];
  let covered = 0;
  for (let left = reader.count(3); left > 0; left -= 1) {
    const path = paths[reader.varint()];
    if (path === undefined) return reader.fail('a path outside its table');
    const start = reader.varint();
    const count = reader.varint();
    runs.push({ path, start, count });
    covered += count;
  }
  if (covered !== units) return reader.fail('runs that do not fill their frame');
  return { offset, length, kind, unit, units, digest, runs };
}

/** Whether units `position` up to `position + count` of the frame are this file's from `start`. */
export function frameHolds(
  frame: FooterFrame,
  wanted: Run & { readonly position: number },
): boolean {
  let at = 0;
  let { position, start, count } = wanted;
  for (const run of frame.runs) {
    const end = at + run.count;
    if (position < end) {
      const inside = Math.min(count, end - position);
      if (run.path !== wanted.path || run.start + position - at !== start) return false;
      position += inside;
      start += inside;
      count -= inside;
      if (count === 0) return true;
    }
    at = end;
  }
  return false;
}
