import { createHash, type Hash } from 'node:crypto';
import type { CapturedFile, CaptureSink } from '../../content/capture-sink.ts';
import { HoldfastError } from '../../errors/holdfast-error.ts';
import { FRAME_KIND } from '../frames/frame-header.ts';
import { FramePool } from '../frames/frame-pool.ts';
import type { Json } from '../keys/canonical-json.ts';
import { packsOf } from '../maps/extent-map.ts';
import type { PackReference } from '../packs/open-pack.ts';
import { PackSink } from '../packs/pack-sink.ts';
import type { Repository } from '../repository.ts';
import type { BlobReference } from './blob.ts';
import { announcedBytes, assertBasis } from './captured-file.ts';
import { commitSnapshot } from './commit-snapshot.ts';
import { type CaptureTools, captureFile, type FileCapture } from './file-capture.ts';
import { encodeEntry, type FileEntry } from './file-entry.ts';
import { ParentFiles, writeFileList } from './file-list.ts';
import { FrameFeed } from './frame-feed.ts';
import { IndexReader } from './index-reader.ts';
import { IndexWriter } from './index-writer.ts';
import { assertPath } from './paths.ts';
import type { Snapshot, SnapshotStats } from './snapshot.ts';
import { assertNotDeleted } from './tombstone.ts';

export interface BeginSnapshotOptions {
  readonly repository: Repository;
  /** Lineage id. */
  readonly lineage: string;
  /** Of the lease for snapshots. */
  readonly generation: number;
  /** What has not changed since is shared with it. Name it in a session first. */
  readonly parent?: Snapshot;
  /** Threads; default: one per core, up to 4. */
  readonly workers?: number;
  /** Called before every write to the store; throws when this writer must stop. */
  readonly guard?: () => void;
  /** Bytes of a pack; default 32 MiB. */
  readonly packTarget?: number;
}

/**
 * SNAPSHOT_PARENT_DELETED when the parent is being deleted: the caller takes a full snapshot.
 */
export async function beginSnapshot(options: BeginSnapshotOptions): Promise<SnapshotWriter> {
  const { repository, lineage, parent } = options;
  if (parent !== undefined) await assertNotDeleted(repository, parent);
  const parentIndex = new IndexReader({ repository, lineage });
  const parentFiles = await ParentFiles.load(parentIndex, parent?.leaves ?? []);
  return new SnapshotWriter({ ...options, parentIndex, parentFiles });
}

/**
 * A snapshot being taken. Nothing of it can be seen before `commit` resolves.
 *
 * The first failure of anything behind it is thrown at the next call; then only `abort` is left.
 */
export class SnapshotWriter implements CaptureSink, AsyncDisposable {
  readonly #options: BeginSnapshotOptions;
  readonly #tools: CaptureTools;
  readonly #parentFiles: ParentFiles;
  /** Encoded entries; undefined while a file is on its way. */
  readonly #entries = new Map<string, Buffer | undefined>();
  readonly #feeding = new Set<Promise<void>>();
  readonly #finishing = new Set<Promise<void>>();
  readonly #documents = new Map<string, BlobReference>();
  /** Ids of what the snapshot's files read from. */
  readonly #packs = new Set<string>();
  readonly #indexes = new Set<string>();
  readonly #stats = { filesTotal: 0, bytesTotal: 0, pagesStored: 0, pagesShared: 0 };
  #guard: () => void;
  #current: OpenFile | undefined;
  #ended = false;

  constructor(
    options: BeginSnapshotOptions & { parentIndex: IndexReader; parentFiles: ParentFiles },
  ) {
    const { repository, lineage, parentIndex, workers, packTarget } = options;
    this.#options = options;
    this.#parentFiles = options.parentFiles;
    this.#guard = options.guard ?? (() => undefined);
    const guard = () => this.#guard();
    const pool = new FramePool(workers === undefined ? {} : { workers });
    const sink = new PackSink({
      repository,
      pool,
      guard,
      ...(packTarget === undefined ? {} : { target: packTarget }),
    });
    const feed = () => new FrameFeed(sink);
    this.#tools = {
      pool,
      sink,
      index: new IndexWriter({ repository, lineage, guard }),
      parentIndex,
      feeds: { pages: feed(), changes: feed(), bytes: feed() },
    };
  }

  /** Of the files so far; packs and stored bytes are known after `commit`. */
  get stats(): Omit<SnapshotStats, 'bytesStored' | 'packs'> {
    return { ...this.#stats };
  }

  directory(directory: { readonly path: string; readonly mode: number }): void {
    this.#admit(directory.path);
    const { path, mode } = directory;
    this.#entries.set(path, encodeEntry({ kind: 'directory', path, mode }));
  }

  begin(file: CapturedFile): void {
    if (this.#current !== undefined) throw defect(`${file.path} began inside another file`);
    this.#admit(file.path);
    assertBasis(file);
    const entry = this.#parentFiles.get(file.path);
    const parent = entry?.kind === 'file' ? entry : undefined;
    const capture = captureFile({ file, parent, tools: this.#tools });
    // Only a whole file passes through; of pages there is no hash of the file.
    const sha256 = file.basis.kind === 'whole' ? createHash('sha256') : undefined;
    this.#entries.set(file.path, undefined);
    this.#current = { file, capture, sha256, written: 0, announced: announcedBytes(file) };
  }

  write(bytes: Uint8Array): void {
    this.#tools.sink.assertSound();
    const open = this.#current;
    if (open === undefined) throw defect('bytes came outside a file');
    open.written += bytes.length;
    if (open.written > open.announced) throw wrongLength(open);
    open.sha256?.update(bytes);
    open.capture.intake.write(bytes);
  }

  end(): void {
    this.#tools.sink.assertSound();
    const open = this.#current;
    if (open === undefined) throw defect('a file ended that had not begun');
    if (open.written !== open.announced) throw wrongLength(open);
    this.#current = undefined;
    const fed = open.capture.intake.end();
    if (fed !== undefined) track(this.#feeding, fed);
    track(
      this.#finishing,
      this.#finish(open).catch((error) => this.#tools.sink.fail(error)),
    );
  }

  pressure(): Promise<void> | undefined {
    return this.#tools.sink.pressure();
  }

  /** Kept beside the files, sealed under the metadata key: a raw manifest, a label. */
  document(name: string, bytes: Buffer): void {
    if (this.#documents.has(name)) throw defect(`the document ${name} came twice`);
    this.#documents.set(name, this.#tools.index.add(FRAME_KIND.document, bytes));
  }

  /**
   * Stores what is left, checks that every object the snapshot relies on is there with its size,
   * and commits. When it rejects, the snapshot may still have been committed only if the error is
   * transient; listing tells.
   */
  async commit(options: { engine: Json; guard?: () => void }): Promise<Snapshot> {
    if (this.#ended) throw defect('a snapshot was committed twice');
    if (this.#current !== undefined) throw defect('a snapshot was committed inside a file');
    this.#ended = true;
    if (options.guard !== undefined) this.#guard = options.guard;
    try {
      return await this.#commit(options.engine);
    } finally {
      await this.#stop();
    }
  }

  /**
   * Gives up; resolves when nothing is written any more. Packs that are stored already stay,
   * unreferenced.
   */
  async abort(): Promise<void> {
    this.#ended = true;
    await this.#stop();
  }

  async #stop(): Promise<void> {
    const { pool, sink, index } = this.#tools;
    sink.fail(defect('the snapshot has ended'));
    await pool.close();
    await sink.quiet();
    await index.abandon();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#ended) await this.abort();
  }

  async #commit(engine: Json): Promise<Snapshot> {
    const { repository, lineage, generation, parent } = this.#options;
    const { index, sink } = this.#tools;
    const own = await this.#drain();
    const entries = [...this.#entries].map(([path, bytes]) => ({ path, bytes: bytes as Buffer }));
    const leaves = writeFileList({ index, entries, parent: parent?.leaves ?? [] });
    for (const { blob } of leaves) this.#indexes.add(blob.object);
    for (const blob of this.#documents.values()) this.#indexes.add(blob.object);
    const ownIndexes = await index.finish();
    sink.assertSound();
    return await commitSnapshot({
      repository,
      lineage,
      generation,
      parent,
      guard: () => this.#guard(),
      packs: { own, used: this.#packs },
      indexes: { own: ownIndexes, used: this.#indexes },
      engine,
      leaves,
      documents: this.#documents,
      stats: {
        ...this.#stats,
        bytesStored: own.reduce((total, pack) => total + pack.size, 0),
        packs: own.length,
      },
    });
  }

  /** Everything that was written is in stored packs, and every entry is known. */
  async #drain(): Promise<readonly PackReference[]> {
    const { feeds, sink } = this.#tools;
    while (this.#feeding.size > 0) await Promise.all(this.#feeding);
    for (const feed of Object.values(feeds)) feed.flush();
    // Throws after a failure; files that were not sealed by then never finish.
    const packs = await sink.finish();
    while (this.#finishing.size > 0) await Promise.all(this.#finishing);
    sink.assertSound();
    return packs;
  }

  async #finish(open: OpenFile): Promise<void> {
    const { file, capture } = open;
    const sha256 = open.sha256?.digest('hex');
    const captured = await capture.finish(sha256);
    const { map, content, hashes, stored } = captured;
    for (const pack of packsOf(map)) this.#packs.add(pack);
    for (const part of [content, hashes]) {
      if (part?.kind === 'blob') this.#indexes.add(part.blob.object);
    }
    const known = sha256 ?? captured.sha256;
    const { path, shape, size, mode } = file;
    const entry: FileEntry = {
      kind: 'file',
      path,
      shape,
      size,
      mode,
      map: content,
      ...(known === undefined ? {} : { sha256: known }),
      ...(hashes === undefined ? {} : { hashes }),
    };
    this.#entries.set(path, encodeEntry(entry));
    this.#stats.filesTotal += 1;
    this.#stats.bytesTotal += size;
    if (shape.kind !== 'paged') return;
    let pages = 0;
    for (const { at, count } of map.extents) pages += at === null ? 0 : count;
    this.#stats.pagesStored += stored;
    this.#stats.pagesShared += pages - stored;
  }

  #admit(path: string): void {
    this.#tools.sink.assertSound();
    assertPath(path);
    if (this.#entries.has(path)) throw defect(`${path} came twice`);
  }
}

interface OpenFile {
  readonly file: CapturedFile;
  readonly capture: FileCapture;
  readonly sha256: Hash | undefined;
  readonly announced: number;
  written: number;
}

/** `promise` never rejects. */
function track(set: Set<Promise<void>>, promise: Promise<void>): void {
  const tracked = promise.finally(() => set.delete(tracked));
  set.add(tracked);
}

function wrongLength(open: OpenFile): HoldfastError {
  const { file, announced, written } = open;
  return defect(`${file.path} was announced with ${announced} bytes, and ${written} came`);
}

function defect(reason: string): HoldfastError {
  return new HoldfastError('INTERNAL', { reason });
}
