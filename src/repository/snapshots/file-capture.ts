import type { CapturedFile } from '../../content/capture-sink.ts';
import { HoldfastError } from '../../errors/holdfast-error.ts';
import { FRAME_KIND } from '../frames/frame-header.ts';
import type { FramePool } from '../frames/frame-pool.ts';
import { PAGE_HASH_BYTES, zeroPageHash } from '../frames/page-hash.ts';
import { append, compose, type Extent, type ExtentMap, slice } from '../maps/extent-map.ts';
import { encodeExtentMap } from '../maps/extent-map-codec.ts';
import { frameUnits } from '../packs/filled-frame.ts';
import type { PackSink } from '../packs/pack-sink.ts';
import { ComparingIntake } from './comparing-intake.ts';
import { type Content, type FileEntry, unitOf, unitsOf } from './file-entry.ts';
import { FileUnits } from './file-units.ts';
import type { FrameFeed } from './frame-feed.ts';
import type { IndexReader } from './index-reader.ts';
import type { IndexWriter } from './index-writer.ts';
import type { Intake } from './intake.ts';
import { PageIntake } from './page-intake.ts';
import { readHashes, readMap, storeContent } from './stored-content.ts';
import { BufferedIntake, StreamIntake } from './stream-intake.ts';

/** What captures of one snapshot share. */
export interface CaptureTools {
  readonly pool: FramePool;
  readonly sink: PackSink;
  readonly index: IndexWriter;
  /** Reads the parent's maps and hashes. */
  readonly parentIndex: IndexReader;
  /** Pages stored as they come, pages that differ from the parent's, and bytes of streams. */
  readonly feeds: {
    readonly pages: FrameFeed;
    readonly changes: FrameFeed;
    readonly bytes: FrameFeed;
  };
}

/** A file on its way in, and what will be known of it once its bytes are sealed. */
export interface FileCapture {
  readonly intake: Intake;
  /** Called once, right after `intake.end`. */
  finish(sha256: string | undefined): Promise<CapturedContent>;
}

export interface CapturedContent {
  readonly map: ExtentMap;
  readonly content: Content;
  readonly hashes?: Content;
  /** Known without all bytes: the file is the parent's. */
  readonly sha256?: string;
  /** Units this snapshot stored of it. */
  readonly stored: number;
}

const BUFFERED_BYTES = 1024 * 1024;

/** Chooses how a file is taken in. `parent` is the file of this path in the parent, if any. */
export function captureFile(options: {
  file: CapturedFile;
  parent: FileEntry | undefined;
  tools: CaptureTools;
}): FileCapture {
  const { file, parent } = options;
  const { shape, basis } = file;
  const comparable =
    parent?.shape.kind === 'paged' && unitOf(parent.shape) === unitOf(shape) ? parent : undefined;
  if (shape.kind === 'paged' && comparable !== undefined) {
    return comparedPages({ ...options, parent: comparable, pageSize: shape.pageSize });
  }
  if (basis.kind === 'pages') {
    const reason = `${file.path} came in pages, but the parent has no such paged file`;
    throw new HoldfastError('INTERNAL', { reason });
  }
  if (shape.kind === 'paged') return allPages(options, shape.pageSize);
  return stream(options);
}

function allPages(
  options: { file: CapturedFile; tools: CaptureTools },
  pageSize: number,
): FileCapture {
  const { file, tools } = options;
  const length = unitsOf(file);
  const units = new FileUnits(file.path);
  units.useHashes(zeroHashes(length, pageSize));
  return {
    intake: new PageIntake({ units, feed: tools.feeds.pages, pageSize }),
    finish: async () => {
      await units.settled;
      const map = { frameUnits: frameUnits(pageSize), length, extents: units.extents() };
      return stored(tools.index, units, map);
    },
  };
}

function comparedPages(options: {
  file: CapturedFile;
  parent: FileEntry;
  tools: CaptureTools;
  pageSize: number;
}): FileCapture {
  const { file, parent, tools, pageSize } = options;
  const { basis } = file;
  const length = unitsOf(file);
  const limit = basis.kind === 'pages' ? Math.min(basis.limit, length) : length;
  const units = new FileUnits(file.path);
  /** Pages at or above the limit that are the parent's all the same. */
  const kept: Extent[] = [];
  const load = async () => {
    const hashes = await readHashes(tools.parentIndex, parent);
    const own = zeroHashes(length, pageSize);
    own.set(hashes.subarray(0, limit * PAGE_HASH_BYTES));
    units.useHashes(own);
    return hashes;
  };
  const intake = new ComparingIntake({
    ...tools,
    units,
    feed: tools.feeds.changes,
    pageSize,
    pages: basis.kind === 'pages' ? basis.pages.length : length,
    pageAt: (nth) => (basis.kind === 'pages' ? (basis.pages[nth] as number) : nth),
    parentHashes: load(),
    same: (page) => {
      if (page >= limit) append(kept, { start: page, count: 1, at: null });
    },
  });
  const finish = async (): Promise<CapturedContent> => {
    await units.settled;
    const parentMap = await readMap(tools.parentIndex, parent);
    const own = units.extents();
    const pieces = kept.flatMap(({ start, count }) => slice(parentMap, start, start + count));
    const changed = [...own, ...pieces].sort((a, b) => a.start - b.start);
    if (changed.length === 0 && limit === length && parentMap.length === length) {
      return {
        map: parentMap,
        content: parent.map,
        ...(parent.hashes ? { hashes: parent.hashes } : {}),
        ...(parent.sha256 && parent.size === file.size ? { sha256: parent.sha256 } : {}),
        stored: 0,
      };
    }
    return stored(tools.index, units, compose({ parent: parentMap, changed, limit, length }));
  };
  return { intake, finish };
}

function stream(options: {
  file: CapturedFile;
  parent: FileEntry | undefined;
  tools: CaptureTools;
}): FileCapture {
  const { file, parent, tools } = options;
  const units = new FileUnits(file.path);
  const direct = new StreamIntake({ units, feed: tools.feeds.bytes });
  const finish = async () => {
    await units.settled;
    const extents = units.extents();
    return stored(tools.index, units, { frameUnits: frameUnits(1), length: file.size, extents });
  };
  const mayBeSame =
    parent?.shape.kind === 'stream' && parent.sha256 !== undefined && parent.size === file.size;
  if (!mayBeSame || file.size > BUFFERED_BYTES) return { intake: direct, finish };

  let content: Buffer = Buffer.alloc(0);
  const intake = new BufferedIntake({
    size: file.size,
    decide: (bytes) => {
      content = bytes;
    },
  });
  return {
    intake,
    finish: async (sha256) => {
      if (sha256 === parent.sha256) {
        const map = await readMap(tools.parentIndex, parent);
        return { map, content: parent.map, stored: 0 };
      }
      direct.write(content);
      direct.end();
      return await finish();
    },
  };
}

function stored(index: IndexWriter, units: FileUnits, map: ExtentMap): CapturedContent {
  const content = storeContent(index, FRAME_KIND.map, encodeExtentMap(map));
  const { hashes, stored: count } = units;
  if (hashes === undefined) return { map, content, stored: count };
  return { map, content, hashes: storeContent(index, FRAME_KIND.hashes, hashes), stored: count };
}

function zeroHashes(pages: number, pageSize: number): Buffer {
  return Buffer.alloc(pages * PAGE_HASH_BYTES, zeroPageHash(pageSize));
}
