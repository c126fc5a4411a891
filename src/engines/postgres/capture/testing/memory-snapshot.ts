import assert from 'node:assert/strict';
import type { CapturedFile, CaptureSink } from '../../../../content/capture-sink.ts';

/** Called with the file under way, if any. */
export type Pressure = (path: string | undefined) => Promise<void> | undefined;

/** A snapshot in memory: what a repository must make of the calls, without packs and maps. */
export class MemorySnapshot implements CaptureSink {
  readonly files = new Map<string, { readonly file: CapturedFile; readonly bytes: Buffer }>();
  readonly directories = new Map<string, number>();
  readonly #parent: MemorySnapshot | undefined;
  #file: CapturedFile | undefined;
  #chunks: Buffer[] = [];
  #pressure: Pressure | undefined;

  constructor(options: { parent?: MemorySnapshot; pressure?: Pressure } = {}) {
    this.#parent = options.parent;
    this.#pressure = options.pressure;
  }

  directory(directory: { readonly path: string; readonly mode: number }): void {
    assert.equal(this.#file, undefined);
    this.directories.set(directory.path, directory.mode);
  }

  begin(file: CapturedFile): void {
    assert.equal(this.#file, undefined, 'begin before end');
    assert.ok(!this.files.has(file.path), `${file.path} twice`);
    if (file.shape.kind === 'paged') assert.equal(file.size % file.shape.pageSize, 0);
    this.#file = file;
    this.#chunks = [];
  }

  write(bytes: Uint8Array): void {
    assert.ok(this.#file, 'write outside of a file');
    this.#chunks.push(Buffer.from(bytes));
  }

  end(): void {
    const file = this.#file;
    assert.ok(file, 'end outside of a file');
    const bytes = Buffer.concat(this.#chunks);
    this.#file = undefined;
    this.files.set(file.path, { file, bytes: this.#compose(file, bytes) });
  }

  pressure(): Promise<void> | undefined {
    return this.#pressure?.(this.#file?.path);
  }

  bytes(path: string): Buffer {
    const entry = this.files.get(path);
    assert.ok(entry, `${path} was not captured`);
    return entry.bytes;
  }

  #compose(file: CapturedFile, bytes: Buffer): Buffer {
    if (file.basis.kind === 'whole') {
      assert.equal(bytes.length, file.size, file.path);
      return bytes;
    }
    assert.equal(file.shape.kind, 'paged');
    const pageSize = file.shape.kind === 'paged' ? file.shape.pageSize : 0;
    const { pages, limit } = file.basis;
    assert.equal(bytes.length, pages.length * pageSize, file.path);
    const base = this.#parent?.files.get(file.path);
    assert.ok(base && base.file.shape.kind === 'paged', `the parent has no pages of ${file.path}`);
    const composed = Buffer.alloc(file.size);
    base.bytes.copy(composed, 0, 0, Math.min(limit * pageSize, file.size));
    pages.forEach((page, index) => {
      bytes.copy(composed, page * pageSize, index * pageSize, (index + 1) * pageSize);
    });
    return composed;
  }
}
