import { hash } from 'node:crypto';
import { HoldfastError } from '../../errors/holdfast-error.ts';
import { sealFrame } from '../frames/frame-cipher.ts';
import type { FrameKind } from '../frames/frame-header.ts';
import type { Repository } from '../repository.ts';
import { type BlobReference, type IndexReference, indexCipherKey, indexKey } from './blob.ts';

const TARGET_BYTES = 16 * 1024 * 1024;

interface OpenIndex {
  readonly id: string;
  readonly key: Buffer;
  readonly parts: Buffer[];
  size: number;
}

/** Bundles the sealed blobs of one snapshot in few objects. */
export class IndexWriter {
  readonly #repository: Repository;
  readonly #lineage: string;
  readonly #guard: () => void;
  readonly #stored: IndexReference[] = [];
  #open: OpenIndex | undefined;
  #storing: Promise<void> = Promise.resolve();
  #failure: { readonly error: unknown } | undefined;

  constructor(options: { repository: Repository; lineage: string; guard: () => void }) {
    this.#repository = options.repository;
    this.#lineage = options.lineage;
    this.#guard = options.guard;
  }

  add(kind: FrameKind, plaintext: Uint8Array): BlobReference {
    this.#open ??= this.#begin();
    const { id, key, parts, size } = this.#open;
    const number = parts.length;
    const address = { repository: this.#repository.id, object: id, number, kind };
    const sealed = sealFrame({ key, address, plaintext });
    parts.push(sealed);
    this.#open.size += sealed.length;
    if (this.#open.size >= TARGET_BYTES) this.#close();
    return { object: id, number, offset: size, length: sealed.length };
  }

  /** Every object, all of them durable. */
  async finish(): Promise<readonly IndexReference[]> {
    this.#close();
    await this.#storing;
    if (this.#failure !== undefined) throw this.#failure.error;
    return this.#stored;
  }

  /** Resolves when no write to the store is under way; after this nothing more is stored. */
  async abandon(): Promise<void> {
    this.#failure ??= { error: new HoldfastError('INTERNAL', { reason: 'index abandoned' }) };
    await this.#storing;
  }

  #begin(): OpenIndex {
    const id = this.#repository.host.random.bytes(16).toString('hex');
    const key = indexCipherKey(this.#repository, this.#lineage, id);
    return { id, key, parts: [], size: 0 };
  }

  #close(): void {
    const index = this.#open;
    this.#open = undefined;
    if (index === undefined) return;
    this.#storing = this.#storing
      .then(() => this.#store(index))
      .catch((error) => {
        this.#failure ??= { error };
      });
  }

  async #store(index: OpenIndex): Promise<void> {
    if (this.#failure !== undefined) return;
    const body = Buffer.concat(index.parts);
    this.#guard();
    await this.#repository.store.put(indexKey(index.id), body);
    this.#stored.push({ id: index.id, size: body.length, sha256: hash('sha256', body, 'hex') });
  }
}
