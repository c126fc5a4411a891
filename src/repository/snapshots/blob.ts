import { hkdfSync } from 'node:crypto';
import type { ByteReader } from '../codec/byte-reader.ts';
import type { ByteWriter } from '../codec/byte-writer.ts';
import type { Repository } from '../repository.ts';

/**
 * An index object `maps/<first two digits of id>/<id>` is a row of sealed frames (frame-header.ts),
 * nothing before, between or after them: extent maps, page hashes, file-list leaves and documents
 * of one snapshot, bundled. Later snapshots share what did not change by reference.
 *
 * Its key = HKDF-SHA256(metadata key of the lineage, info = "holdfast index " ‖ id in hex).
 */
export interface BlobReference {
  /** Id of the index object. */
  readonly object: string;
  /** Of the frame: its nonce. */
  readonly number: number;
  readonly offset: number;
  /** Sealed, header included. */
  readonly length: number;
}

export interface IndexReference {
  readonly id: string;
  readonly size: number;
  /** Of the whole object, hex. */
  readonly sha256: string;
}

export function indexKey(id: string): string {
  return `maps/${id.slice(0, 2)}/${id}`;
}

export function indexCipherKey(repository: Repository, lineage: string, id: string): Buffer {
  const metadataKey = repository.keys.lineageMetadataKey(lineage);
  const info = `holdfast index ${id}`;
  return Buffer.from(hkdfSync('sha256', metadataKey, Buffer.alloc(0), info, 32));
}

/** id, then number, offset and length as varints. */
export function writeBlobReference(writer: ByteWriter, blob: BlobReference): void {
  writer.id(blob.object).varint(blob.number).varint(blob.offset).varint(blob.length);
}

export function readBlobReference(reader: ByteReader): BlobReference {
  return {
    object: reader.id(),
    number: reader.varint(),
    offset: reader.varint(),
    length: reader.varint(),
  };
}
