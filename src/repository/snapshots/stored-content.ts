import { HoldfastError } from '../../errors/holdfast-error.ts';
import { FRAME_KIND, type FrameKind } from '../frames/frame-header.ts';
import { PAGE_HASH_BYTES } from '../frames/page-hash.ts';
import type { ExtentMap } from '../maps/extent-map.ts';
import { decodeExtentMap } from '../maps/extent-map-codec.ts';
import { indexKey } from './blob.ts';
import { type Content, type FileEntry, INLINE_BYTES, unitsOf } from './file-entry.ts';
import type { IndexReader } from './index-reader.ts';
import type { IndexWriter } from './index-writer.ts';

/** Small content lives in the file's entry, larger content in a blob. */
export function storeContent(index: IndexWriter, kind: FrameKind, bytes: Buffer): Content {
  if (bytes.length <= INLINE_BYTES) return { kind: 'inline', bytes };
  return { kind: 'blob', blob: index.add(kind, bytes) };
}

/** OBJECT_CORRUPT unless the map is one and has the file's length. */
export async function readMap(index: IndexReader, file: FileEntry): Promise<ExtentMap> {
  const object = nameOf(file, file.map);
  const map = decodeExtentMap(await read(index, file.map, FRAME_KIND.map), object);
  if (map.length === unitsOf(file)) return map;
  const reason = `the map of ${file.path} is for another length`;
  throw new HoldfastError('OBJECT_CORRUPT', { object, reason });
}

/** The page hashes of a paged file, 12 bytes each. */
export async function readHashes(index: IndexReader, file: FileEntry): Promise<Buffer> {
  const { hashes } = file;
  const bytes =
    hashes === undefined ? Buffer.alloc(0) : await read(index, hashes, FRAME_KIND.hashes);
  if (bytes.length === unitsOf(file) * PAGE_HASH_BYTES) return bytes;
  const object = nameOf(file, hashes ?? file.map);
  const reason = `the page hashes of ${file.path} are for another length`;
  throw new HoldfastError('OBJECT_CORRUPT', { object, reason });
}

async function read(index: IndexReader, content: Content, kind: FrameKind): Promise<Buffer> {
  return content.kind === 'inline' ? content.bytes : await index.read(content.blob, kind);
}

function nameOf(file: FileEntry, content: Content): string {
  return content.kind === 'blob' ? indexKey(content.blob.object) : `entry of ${file.path}`;
}
