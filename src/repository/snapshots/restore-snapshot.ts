import os from 'node:os';
import type { OnProgress } from '../../content/progress.ts';
import { collectGarbage } from '../../host/collect-garbage.ts';
import { FramePool } from '../frames/frame-pool.ts';
import { BufferPool } from '../packs/buffer-pool.ts';
import { ByteBudget } from '../packs/byte-budget.ts';
import type { Repository } from '../repository.ts';
import type { DirectoryEntry, FileEntry, SnapshotEntry } from './file-entry.ts';
import { unitOf } from './file-entry.ts';
import { readFileList } from './file-list.ts';
import { IndexReader } from './index-reader.ts';
import { readContent } from './read-content.ts';
import { RestorePlan } from './restore-plan.ts';
import type { Snapshot } from './snapshot.ts';
import { readMap } from './stored-content.ts';

/** Where a snapshot is restored to. */
export interface RestoreTarget {
  /** Comes before everything inside it that the snapshot lists later. */
  directory(entry: DirectoryEntry): Promise<void> | void;
  /** Before any write to it. The file gets `entry.size` bytes; what is never written is zero. */
  file(entry: FileEntry): Promise<void> | void;
  /**
   * Calls come in any order and overlap, also for one file. `bytes` are borrowed until the promise
   * resolved.
   */
  write(entry: FileEntry, offset: number, bytes: Uint8Array): Promise<void> | void;
  /** Every byte of it was written. */
  close(entry: FileEntry): Promise<void> | void;
}

/** Files and extents planned at once: about 100 bytes each in memory. */
const PLAN_WEIGHT = 200_000;
/** Decoding is quick: a core is left to the thread that reads and writes. */
const decoders = () => Math.max(1, Math.min(os.availableParallelism() - 1, 4));
const BUFFER_BYTES = 16 * 1024 * 1024;
/** What 512 MiB leave in the heap is about 12 MB: it costs 30 ms to sweep, and V8 is in no hurry. */
const COLLECT_BYTES = 512 * 1024 * 1024;

/**
 * Writes the files of a snapshot, each byte authenticated on its way. Packs are read in ranges,
 * each frame once per plan. The first problem is thrown: OBJECT_CORRUPT or STORE_ABSENT naming the
 * object, KEY_WRITE_ONLY with the keys of a writer.
 */
export async function restoreSnapshot(options: {
  repository: Repository;
  snapshot: Snapshot;
  target: RestoreTarget;
  /** Only what it answers true for. */
  filter?: (entry: SnapshotEntry) => boolean;
  onProgress?: OnProgress;
  workers?: number;
}): Promise<void> {
  const { repository, snapshot, target, filter, onProgress, workers } = options;
  const reader = () => new IndexReader({ repository, lineage: snapshot.lineage });
  const budget = new ByteBudget(BUFFER_BYTES);
  const buffers = new BufferPool({ keepBytes: BUFFER_BYTES });
  await using pool = new FramePool({ workers: workers ?? decoders() });
  const total = filter === undefined ? snapshot.stats.bytesTotal : undefined;
  let done = 0;
  let collected = 0;
  const progress = (bytes: number) => {
    done += bytes;
    if (done - collected >= COLLECT_BYTES) {
      collected = done;
      collectGarbage();
    }
    const expected = total === undefined ? {} : { total };
    onProgress?.({ phase: 'restore', done, ...expected, unit: 'bytes' });
  };

  let maps = reader();
  let plan = new RestorePlan();
  let files: { entry: FileEntry; stored: number }[] = [];
  const run = async () => {
    // With what it has cached: the next plan's maps are elsewhere.
    maps = reader();
    await readContent({
      repository,
      snapshot,
      plan,
      pool,
      budget,
      buffers,
      onPiece: async ({ file, start, bytes }) => {
        const offset = start * unitOf(file.shape);
        const inside = bytes.subarray(0, Math.min(bytes.length, file.size - offset));
        await target.write(file, offset, inside);
        progress(inside.length);
      },
    });
    for (const { entry, stored } of files) {
      await target.close(entry);
      progress(Math.max(0, entry.size - stored));
    }
    plan = new RestorePlan();
    files = [];
  };
  for await (const entry of readFileList(reader(), snapshot.leaves)) {
    if (filter !== undefined && !filter(entry)) continue;
    if (entry.kind === 'directory') {
      await target.directory(entry);
      continue;
    }
    await target.file(entry);
    const { extents } = await readMap(maps, entry);
    plan.add(entry, extents);
    const unit = unitOf(entry.shape);
    const stored = extents.reduce(
      (sum, { at, count }) => sum + (at === null ? 0 : count * unit),
      0,
    );
    files.push({ entry, stored });
    if (plan.weight >= PLAN_WEIGHT) await run();
  }
  await run();
}
