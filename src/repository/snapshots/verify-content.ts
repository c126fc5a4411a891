import { FRAME_KIND } from '../frames/frame-header.ts';
import { FramePool } from '../frames/frame-pool.ts';
import { PAGE_HASH_BYTES, zeroPageHash } from '../frames/page-hash.ts';
import { BufferPool } from '../packs/buffer-pool.ts';
import { ByteBudget } from '../packs/byte-budget.ts';
import type { Repository } from '../repository.ts';
import { indexKey } from './blob.ts';
import { isDamage } from './damage.ts';
import { type FileEntry, unitOf } from './file-entry.ts';
import { readFileList } from './file-list.ts';
import { IndexReader } from './index-reader.ts';
import { type ReadPiece, readContent } from './read-content.ts';
import { RestorePlan } from './restore-plan.ts';
import type { Snapshot } from './snapshot.ts';
import { readHashes, readMap } from './stored-content.ts';
import type { Findings } from './verify-report.ts';

/** A stored page of a paged file. Answers what is wrong with it, if anything. */
export type CheckPage = (page: {
  readonly path: string;
  /** In pages from the start of the file. */
  readonly number: number;
  readonly bytes: Buffer;
}) => string | undefined;

interface Options {
  readonly repository: Repository;
  readonly snapshot: Snapshot;
  readonly findings: Findings;
  readonly onBytes: (bytes: number) => void;
  readonly checkPage?: CheckPage;
  readonly workers?: number;
}

const PLAN_WEIGHT = 100_000;
const BUFFER_BYTES = 32 * 1024 * 1024;

/** Level V3: reads everything as a restore would, and more closely. */
export async function verifyContent(options: Options): Promise<void> {
  const { repository, snapshot, findings, workers } = options;
  const index = new IndexReader({ repository, lineage: snapshot.lineage });
  await using pool = new FramePool(workers === undefined ? {} : { workers });
  const budget = new ByteBudget(BUFFER_BYTES);
  const buffers = new BufferPool({ keepBytes: BUFFER_BYTES });
  let plan = new RestorePlan();
  let hashes = new Map<FileEntry, Buffer>();
  let weight = 0;
  const run = async () => {
    const { repository, snapshot } = options;
    await readContent({
      repository,
      snapshot,
      plan,
      pool,
      budget,
      buffers,
      onPiece: (piece) => verifyPiece(piece, { ...options, hashes: hashes.get(piece.file) }),
      onDamage: ({ pack, error }) => findings.addDamage(error, plan.paths(pack)),
    });
    plan = new RestorePlan();
    hashes = new Map();
    weight = 0;
  };

  await verifyDocuments(index, options);
  for (const leaf of snapshot.leaves) {
    await collect(findings, [], async () => {
      for await (const entry of readFileList(index, [leaf])) {
        if (entry.kind === 'directory') continue;
        await collect(findings, [entry.path], async () => {
          const map = await readMap(index, entry);
          if (entry.shape.kind === 'paged') {
            const stored = await readHashes(index, entry);
            verifyZeroes(entry, map.extents, stored, options);
            hashes.set(entry, stored);
            weight += stored.length / 100;
          }
          plan.add(entry, map.extents);
          findings.filesChecked += 1;
        });
        if (plan.weight + weight >= PLAN_WEIGHT) await run();
      }
    });
  }
  await run();
}

function verifyPiece(piece: ReadPiece, options: Options & { hashes: Buffer | undefined }): void {
  const { findings, onBytes, checkPage, hashes, snapshot } = options;
  const { file, start, bytes } = piece;
  onBytes(bytes.length);
  if (hashes === undefined) return;
  const pageSize = unitOf(file.shape);
  const at = start * PAGE_HASH_BYTES;
  const expected = hashes.subarray(at, at + piece.hashes.length);
  if (!expected.equals(piece.hashes)) {
    findings.add({
      ...place(file, snapshot),
      page: start,
      reason: 'pages differ from their hashes',
    });
  }
  findings.pagesChecked += bytes.length / pageSize;
  if (checkPage === undefined) return;
  for (let offset = 0; offset < bytes.length; offset += pageSize) {
    const number = start + offset / pageSize;
    const page = bytes.subarray(offset, offset + pageSize);
    const reason = checkPage({ path: file.path, number, bytes: page });
    if (reason !== undefined) findings.add({ ...place(file, snapshot), page: number, reason });
  }
}

/** Pages that the map calls zero are pages whose hash is that of zeroes. */
function verifyZeroes(
  file: FileEntry,
  extents: readonly { start: number; count: number; at: unknown }[],
  hashes: Buffer,
  { findings, snapshot }: Options,
): void {
  const zero = zeroPageHash(unitOf(file.shape));
  for (const { start, count, at } of extents) {
    if (at !== null) continue;
    for (let page = start; page < start + count; page += 1) {
      const from = page * PAGE_HASH_BYTES;
      if (hashes.subarray(from, from + PAGE_HASH_BYTES).equals(zero)) continue;
      findings.add({
        ...place(file, snapshot),
        page,
        reason: 'the map says zeroes, the page hash does not',
      });
      return;
    }
  }
}

async function verifyDocuments(index: IndexReader, options: Options): Promise<void> {
  for (const [name, blob] of options.snapshot.documents) {
    await collect(options.findings, [name], async () => {
      await index.read(blob, FRAME_KIND.document);
    });
  }
}

async function collect(
  findings: Findings,
  paths: readonly string[],
  run: () => Promise<void>,
): Promise<void> {
  try {
    await run();
  } catch (error) {
    if (!isDamage(error)) throw error;
    findings.addDamage(error, paths);
  }
}

function place(file: FileEntry, snapshot: Snapshot): { object: string; paths: string[] } {
  const { map } = file;
  const object = map.kind === 'blob' ? indexKey(map.blob.object) : snapshot.key;
  return { object, paths: [file.path] };
}
