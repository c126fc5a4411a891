import type { Shape } from '../../content/capture-sink.ts';
import { ByteReader } from '../codec/byte-reader.ts';
import { ByteWriter } from '../codec/byte-writer.ts';
import { type BlobReference, readBlobReference, writeBlobReference } from './blob.ts';

/**
 * One entry of the file list, in bytes (its path is in the leaf, file-leaf.ts):
 *
 *   1       0 directory, 1 paged file, 2 stream
 *   varint  mode: permission bits
 *   of a file only:
 *   varint  page size in bytes; of a paged file only
 *   varint  size in bytes
 *   1       1: a SHA-256 of the whole file follows; 0: it does not
 *   32      SHA-256
 *   content extent map (extent-map-codec.ts)
 *   content page hashes, 12 bytes each in order; of a paged file only
 *
 *   content = 0, then a block (varint length, bytes): up to 512 bytes
 *           | 1, then a blob reference (blob.ts)
 *
 * The last page of a paged file whose size is no multiple of the page is stored padded with zeroes.
 */
export type SnapshotEntry = DirectoryEntry | FileEntry;

export interface DirectoryEntry {
  readonly kind: 'directory';
  readonly path: string;
  readonly mode: number;
}

export interface FileEntry {
  readonly kind: 'file';
  readonly path: string;
  readonly shape: Shape;
  /** Bytes. */
  readonly size: number;
  readonly mode: number;
  /** Hex; present when the whole file passed through at this snapshot or an earlier equal one. */
  readonly sha256?: string;
  readonly map: Content;
  /** Of a paged file. */
  readonly hashes?: Content;
}

export type Content =
  | { readonly kind: 'inline'; readonly bytes: Buffer }
  | { readonly kind: 'blob'; readonly blob: BlobReference };

export const INLINE_BYTES = 512;

/** Bytes of a unit of the file's extent map. */
export function unitOf(shape: Shape): number {
  return shape.kind === 'paged' ? shape.pageSize : 1;
}

export function unitsOf(file: { shape: Shape; size: number }): number {
  return Math.ceil(file.size / unitOf(file.shape));
}

export function encodeEntry(entry: SnapshotEntry): Buffer {
  const writer = new ByteWriter();
  if (entry.kind === 'directory') return writer.byte(0).varint(entry.mode).finish();
  const { shape, mode, size, sha256, map, hashes } = entry;
  writer.byte(shape.kind === 'paged' ? 1 : 2).varint(mode);
  if (shape.kind === 'paged') writer.varint(shape.pageSize);
  writer.varint(size).byte(sha256 === undefined ? 0 : 1);
  if (sha256 !== undefined) writer.bytes(Buffer.from(sha256, 'hex'));
  writeContent(writer, map);
  if (hashes !== undefined) writeContent(writer, hashes);
  return writer.finish();
}

export function decodeEntry(options: {
  path: string;
  bytes: Uint8Array;
  object: string;
}): SnapshotEntry {
  const { path } = options;
  const reader = new ByteReader(options.bytes, options.object);
  const kind = reader.byte();
  const mode = reader.varint();
  if (kind > 2) reader.fail('an entry of a strange kind');
  if (kind === 0) {
    reader.end();
    return { kind: 'directory', path, mode };
  }
  const pageSize = kind === 1 ? reader.varint() : 1;
  if (pageSize === 0) reader.fail('pages without bytes');
  const size = reader.varint();
  const sha256 = reader.byte() === 1 ? { sha256: reader.bytes(32).toString('hex') } : {};
  const map = readContent(reader);
  const shape: Shape = kind === 1 ? { kind: 'paged', pageSize } : { kind: 'stream' };
  const hashes = kind === 1 ? { hashes: readContent(reader) } : {};
  reader.end();
  return { kind: 'file', path, shape, size, mode, ...sha256, map, ...hashes };
}

function writeContent(writer: ByteWriter, content: Content): void {
  if (content.kind === 'inline') writer.byte(0).block(content.bytes);
  else writeBlobReference(writer.byte(1), content.blob);
}

function readContent(reader: ByteReader): Content {
  const kind = reader.byte();
  if (kind > 1) reader.fail('content of a strange kind');
  if (kind === 1) return { kind: 'blob', blob: readBlobReference(reader) };
  return { kind: 'inline', bytes: Buffer.from(reader.block()) };
}
