import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { type Dirent, promises as fs, type Stats } from 'node:fs';
import { join } from 'node:path';
import { type ManifestFile, parseManifest } from '../../src/engines/postgres/capture/manifest.ts';
import type { Repository } from '../../src/repository/repository.ts';
import { listFiles } from '../../src/repository/snapshots/read-snapshot.ts';
import type { Snapshot } from '../../src/repository/snapshots/snapshot.ts';

export interface PlacedFile {
  readonly size: number;
  readonly sha256: string;
  /** Permission bits. */
  readonly mode: number;
}

/** A data directory as it lies on disk, its tablespaces seen through their links. */
export interface Tree {
  readonly files: ReadonlyMap<string, PlacedFile>;
  readonly directories: ReadonlyMap<string, number>;
}

export async function readTree(root: string): Promise<Tree> {
  const files = new Map<string, PlacedFile>();
  const directories = new Map<string, number>();
  const visit = async (below: string): Promise<void> => {
    const { mode } = await fs.stat(join(root, below));
    directories.set(below, mode & 0o777);
    for (const entry of await fs.readdir(join(root, below), { withFileTypes: true })) {
      const path = below ? `${below}/${entry.name}` : entry.name;
      const stats = await followed(join(root, path), entry);
      if (stats.isDirectory()) await visit(path);
      else files.set(path, await readPlaced(join(root, path), stats));
    }
  };
  await visit('');
  return { files, directories };
}

/** A full snapshot as the server sent it, by the hashes taken on the way. */
export async function capturedTree(repository: Repository, snapshot: Snapshot): Promise<Tree> {
  const files = new Map<string, PlacedFile>();
  const directories = new Map<string, number>();
  for await (const entry of listFiles({ repository, snapshot })) {
    const { path, mode } = entry;
    if (entry.kind === 'directory') directories.set(path, mode);
    else files.set(path, { size: entry.size, sha256: entry.sha256 ?? 'unknown', mode });
  }
  return { files, directories };
}

const followed = (path: string, entry: Dirent): Promise<Stats> =>
  entry.isSymbolicLink() ? fs.stat(path) : fs.lstat(path);

async function readPlaced(path: string, stats: Stats): Promise<PlacedFile> {
  const bytes = await fs.readFile(path);
  return {
    size: bytes.length,
    sha256: createHash('sha256').update(bytes).digest('hex'),
    mode: stats.mode & 0o777,
  };
}

/** Written by restore itself: the links it made, not the server's list of them. */
const NOT_PLACED = new Set(['tablespace_map']);

/** Restore appends to it when it is not to start a server, so it is left out then. */
const APPENDED = 'postgresql.auto.conf';

/**
 * Every file the server said it sent is there as it said, and there is no other.
 * `INCREMENTAL.` files are composed with the parent's and must be there under their own name.
 */
export function assertIsManifest(tree: Tree, manifest: Buffer): { readonly composed: string[] } {
  const { files } = parseManifest(manifest);
  const whole = files.filter(({ path }) => !NOT_PLACED.has(path) && !isIncremental(path));
  const composed = files.flatMap(({ path }) =>
    isIncremental(path) ? [path.replace('INCREMENTAL.', '')] : [],
  );
  const label = whole.find(({ path }) => path === 'backup_label');
  assert.ok(label, 'the server sent a backup_label');
  const expected = [...whole.map(({ path }) => path), ...composed].filter(
    (path) => path !== APPENDED || tree.files.has(path),
  );
  assert.deepEqual([...tree.files.keys()].sort(), expected.sort(), 'none missing, none extra');
  for (const file of whole) {
    // Of an incremental it names the parent, which a restored one must not.
    if (file === label && composed.length > 0) continue;
    if (file.path === APPENDED && !tree.files.has(APPENDED)) continue;
    assertIsFile(tree, file);
  }
  return { composed };
}

function assertIsFile(tree: Tree, { path, size, sha256 }: ManifestFile): void {
  const placed = tree.files.get(path);
  assert.deepEqual(
    { path, size: placed?.size, sha256: placed?.sha256 },
    { path, size, sha256 },
    `${path} is not what the server sent`,
  );
}

const isIncremental = (path: string): boolean => /(^|\/)INCREMENTAL\.[^/]+$/.test(path);

/** Every file of the one is the other's, but for the named ones; every directory is there. */
export function assertSameTree(
  actual: Tree,
  expected: Tree,
  but: { readonly files: readonly string[] },
): void {
  const line = ([path, { sha256, mode }]: [string, PlacedFile]) =>
    `${path} ${mode.toString(8)} ${sha256}`;
  const lines = ({ files }: Tree) =>
    [...files].filter(([path]) => !but.files.includes(path) && path !== APPENDED).map(line);
  assert.deepEqual(lines(actual).sort(), lines(expected).sort());
  const missing = [...expected.directories.keys()].filter((path) => !actual.directories.has(path));
  assert.deepEqual(missing, []);
}
