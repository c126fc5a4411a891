import assert from 'node:assert/strict';
import type { Basis, CapturedFile, CaptureSink, Shape } from '../../src/content/capture-sink.ts';
import type { Repository } from '../../src/repository/repository.ts';
import type { FileEntry } from '../../src/repository/snapshots/file-entry.ts';
import {
  type RestoreTarget,
  restoreSnapshot,
} from '../../src/repository/snapshots/restore-snapshot.ts';
import type { Snapshot } from '../../src/repository/snapshots/snapshot.ts';

export const PAGE = 8192;
export const PAGED: Shape = { kind: 'paged', pageSize: PAGE };
export const STREAM: Shape = { kind: 'stream' };

export interface MemoryFile {
  readonly shape: Shape;
  readonly bytes: Buffer;
}

export type Files = ReadonlyMap<string, MemoryFile>;

/** Hands a file over in chunks of an awkward size, as a socket would. */
export async function captureFile(
  sink: CaptureSink,
  file: { path: string; shape: Shape; bytes: Buffer; basis?: Basis; content?: Buffer },
): Promise<void> {
  const { path, shape, bytes, basis = { kind: 'whole' } } = file;
  const captured: CapturedFile = { path, shape, basis, size: bytes.length, mode: 0o600 };
  sink.begin(captured);
  const content = file.content ?? bytes;
  for (let at = 0; at < content.length; at += 30_000) {
    // A copy that is overwritten at once: the sink may not keep what it was lent.
    const chunk = Buffer.from(content.subarray(at, at + 30_000));
    sink.write(chunk);
    chunk.fill(0xee);
    await sink.pressure();
  }
  sink.end();
}

export async function captureFiles(sink: CaptureSink, files: Files): Promise<void> {
  for (const [path, file] of files) await captureFile(sink, { path, ...file });
}

/** Restores into memory and fails on every breach of the target's contract. */
export class MemoryTarget implements RestoreTarget {
  readonly files = new Map<string, Buffer>();
  readonly directories = new Map<string, number>();
  readonly #open = new Set<string>();

  directory(entry: { path: string; mode: number }): void {
    this.directories.set(entry.path, entry.mode);
  }
  file(entry: FileEntry): void {
    this.files.set(entry.path, Buffer.alloc(entry.size));
    this.#open.add(entry.path);
  }
  write(entry: FileEntry, offset: number, bytes: Uint8Array): void {
    const file = this.files.get(entry.path);
    if (!this.#open.has(entry.path) || file === undefined) throw new Error('write outside');
    if (offset + bytes.length > file.length) throw new Error('write beyond the end');
    file.set(bytes, offset);
  }
  close(entry: FileEntry): void {
    if (!this.#open.delete(entry.path)) throw new Error('closed twice');
  }
  assertClosed(): void {
    if (this.#open.size > 0) throw new Error(`never closed: ${[...this.#open].join(', ')}`);
  }
}

export async function restoreToMemory(
  repository: Repository,
  snapshot: Snapshot,
): Promise<Map<string, Buffer>> {
  const target = new MemoryTarget();
  await restoreSnapshot({ repository, snapshot, target, workers: 1 });
  target.assertClosed();
  return target.files;
}

/** Same names, same bytes. Says where they differ: a diff of two databases takes for ever. */
export function assertSameFiles(
  actual: ReadonlyMap<string, Buffer>,
  expected: ReadonlyMap<string, Buffer>,
): void {
  assert.deepEqual([...actual.keys()].sort(), [...expected.keys()].sort());
  for (const [path, bytes] of expected) {
    const found = actual.get(path) as Buffer;
    assert.equal(found.length, bytes.length, path);
    if (found.equals(bytes)) continue;
    assert.fail(`${path} differs at byte ${bytes.findIndex((byte, at) => byte !== found[at])}`);
  }
}
