import { hash } from 'node:crypto';
import { HoldfastError } from '../../errors/holdfast-error.ts';
import { FRAME_KIND } from '../frames/frame-header.ts';
import { indexKey } from './blob.ts';
import { decodeEntry, type SnapshotEntry } from './file-entry.ts';
import {
  cutLeaves,
  decodeLeaf,
  encodeLeaf,
  type LeafEntry,
  type LeafReference,
} from './file-leaf.ts';
import type { IndexReader } from './index-reader.ts';
import type { IndexWriter } from './index-writer.ts';
import { comparePaths } from './paths.ts';

/** Every entry, ascending by path; one leaf in memory at a time. */
export async function* readFileList(
  index: IndexReader,
  leaves: readonly LeafReference[],
): AsyncGenerator<SnapshotEntry> {
  for (const leaf of leaves) {
    const object = indexKey(leaf.blob.object);
    for (const { path, bytes } of decodeLeaf(await readLeaf(index, leaf), object)) {
      yield decodeEntry({ path, bytes, object });
    }
  }
}

/** Writes the leaves that the parent does not have. */
export function writeFileList(options: {
  index: IndexWriter;
  entries: readonly LeafEntry[];
  parent: readonly LeafReference[];
}): LeafReference[] {
  const { index, parent } = options;
  const known = new Map(parent.map((leaf) => [leaf.sha256, leaf]));
  const entries = [...options.entries].sort((a, b) => comparePaths(a.path, b.path));
  const leaves: LeafReference[] = [];
  for (const leaf of cutLeaves(entries)) {
    const plaintext = encodeLeaf(leaf);
    const sha256 = hash('sha256', plaintext, 'hex');
    const first = leaf[0]?.path ?? '';
    leaves.push(
      known.get(sha256) ?? {
        first,
        entries: leaf.length,
        sha256,
        blob: index.add(FRAME_KIND.leaf, plaintext),
      },
    );
  }
  return leaves;
}

/**
 * Looks up files of the parent without waiting. The encoded leaves are in memory, about 100 bytes
 * a file; captures go directory by directory, so few of them are decoded at a time.
 */
export class ParentFiles {
  readonly #leaves: { readonly leaf: LeafReference; readonly plaintext: Buffer }[] = [];
  readonly #decoded = new Map<number, Map<string, Buffer>>();

  static async load(index: IndexReader, leaves: readonly LeafReference[]): Promise<ParentFiles> {
    const files = new ParentFiles();
    for (const leaf of leaves) {
      files.#leaves.push({ leaf, plaintext: await readLeaf(index, leaf) });
    }
    return files;
  }

  get(path: string): SnapshotEntry | undefined {
    let low = 0;
    let high = this.#leaves.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const first = this.#leaves[middle]?.leaf.first ?? '';
      if (comparePaths(first, path) <= 0) low = middle + 1;
      else high = middle;
    }
    const found = this.#leaves[low - 1];
    if (found === undefined) return undefined;
    const bytes = this.#entries(low - 1).get(path);
    const object = indexKey(found.leaf.blob.object);
    return bytes && decodeEntry({ path, bytes, object });
  }

  #entries(at: number): Map<string, Buffer> {
    const cached = this.#decoded.get(at);
    if (cached !== undefined) return cached;
    const { leaf, plaintext } = this.#leaves[at] as { leaf: LeafReference; plaintext: Buffer };
    const entries = decodeLeaf(plaintext, indexKey(leaf.blob.object));
    const byPath = new Map(entries.map(({ path, bytes }) => [path, bytes]));
    const oldest = this.#decoded.keys().next().value;
    if (this.#decoded.size >= 64 && oldest !== undefined) this.#decoded.delete(oldest);
    this.#decoded.set(at, byPath);
    return byPath;
  }
}

async function readLeaf(index: IndexReader, leaf: LeafReference): Promise<Buffer> {
  const plaintext = await index.read(leaf.blob, FRAME_KIND.leaf);
  if (hash('sha256', plaintext, 'hex') === leaf.sha256) return plaintext;
  const object = indexKey(leaf.blob.object);
  throw new HoldfastError('OBJECT_CORRUPT', { object, reason: 'its file list is another one' });
}
