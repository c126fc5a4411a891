import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { type Dirent, promises as fs, type Stats } from 'node:fs';
import { join } from 'node:path';
import { type ManifestFile, parseManifest } from '../../src/engines/postgres/capture/manifest.ts';

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
  const expected = [...whole.map(({ path }) => path), ...composed].sort();
  assert.deepEqual([...tree.files.keys()].sort(), expected, 'nothing missing, nothing extra');
  for (const file of whole) {
    // Of an incremental it names the parent, which a restored one must not.
    if (file === label && composed.length > 0) continue;
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

/** Two trees hold the same directories and files, but for the named ones. */
export function assertSameTree(
  actual: Tree,
  expected: Tree,
  but: { readonly files: readonly string[] },
): void {
  const differing: string[] = [];
  for (const path of new Set([...actual.files.keys(), ...expected.files.keys()])) {
    const [one, other] = [actual.files.get(path), expected.files.get(path)];
    const same = one?.sha256 === other?.sha256 && one?.mode === other?.mode;
    if (!same && !but.files.includes(path)) differing.push(path);
  }
  assert.deepEqual(differing, []);
  assert.deepEqual([...actual.directories].sort(), [...expected.directories].sort());
}
