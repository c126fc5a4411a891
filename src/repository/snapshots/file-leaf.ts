import { hash } from 'node:crypto';
import { ByteReader } from '../codec/byte-reader.ts';
import { ByteWriter } from '../codec/byte-writer.ts';
import type { BlobReference } from './blob.ts';

/**
 * The file list of a snapshot is cut into leaves; each is a blob:
 *
 *   varint  version, 1
 *   varint  number of entries; then for each, ascending by the path's UTF-8 bytes:
 *     varint  leading bytes of the path shared with the previous entry's
 *     text    the rest of the path
 *     block   the entry (file-entry.ts)
 *
 * A leaf ends after a path whose SHA-256 begins with a zero byte, or after 1024 entries. So leaves
 * without a change are the same bytes again, and are shared with the parent by reference.
 */
export interface LeafReference {
  /** First path. */
  readonly first: string;
  readonly entries: number;
  /** Of the plaintext, hex. */
  readonly sha256: string;
  readonly blob: BlobReference;
}

export interface LeafEntry {
  readonly path: string;
  /** Encoded entry. */
  readonly bytes: Buffer;
}

const VERSION = 1;
const LIMIT = 1024;

/** `entries` ascend by `comparePaths`. */
export function* cutLeaves(entries: Iterable<LeafEntry>): Generator<LeafEntry[]> {
  let leaf: LeafEntry[] = [];
  for (const entry of entries) {
    leaf.push(entry);
    if (leaf.length === LIMIT || hash('sha256', entry.path, 'buffer')[0] === 0) {
      yield leaf;
      leaf = [];
    }
  }
  if (leaf.length > 0) yield leaf;
}

export function encodeLeaf(entries: readonly LeafEntry[]): Buffer {
  const writer = new ByteWriter().varint(VERSION).varint(entries.length);
  let previous = Buffer.alloc(0);
  for (const { path, bytes } of entries) {
    const current = Buffer.from(path, 'utf8');
    let shared = 0;
    const most = Math.min(previous.length, current.length);
    while (shared < most && previous[shared] === current[shared]) shared += 1;
    writer.varint(shared).block(current.subarray(shared)).block(bytes);
    previous = current;
  }
  return writer.finish();
}

export function decodeLeaf(plaintext: Uint8Array, object: string): LeafEntry[] {
  const reader = new ByteReader(plaintext, object);
  if (reader.varint() !== VERSION) reader.fail('a file list of another version');
  const entries: LeafEntry[] = [];
  let previous = Buffer.alloc(0);
  for (let left = reader.count(3); left > 0; left -= 1) {
    const shared = reader.varint();
    if (shared > previous.length) reader.fail('a path that shares too much');
    const current = Buffer.concat([previous.subarray(0, shared), reader.block()]);
    if (entries.length > 0 && Buffer.compare(previous, current) >= 0) {
      reader.fail('paths out of order');
    }
    entries.push({ path: current.toString('utf8'), bytes: reader.block() });
    previous = current;
  }
  reader.end();
  return entries;
}
