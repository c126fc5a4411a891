import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { parseManifest } from '../../src/engines/postgres/capture/manifest.ts';
import { DOCUMENT } from '../../src/engines/postgres/snapshot-document.ts';
import type { LineageState } from '../../src/recovery/lineage-state.ts';
import { readCoveredSegment } from '../../src/recovery/log/read-segment.ts';
import { resolveTarget } from '../../src/recovery/target/resolve.ts';
import type { Repository } from '../../src/repository/repository.ts';
import { readDocument } from '../../src/repository/snapshots/read-snapshot.ts';
import { restoreSnapshot } from '../../src/repository/snapshots/restore-snapshot.ts';
import type { Snapshot } from '../../src/repository/snapshots/snapshot.ts';

/** Path → SHA-256 of what a restore of the snapshot writes. */
export type Content = ReadonlyMap<string, string>;

/** Restores into memory: every byte is fetched, authenticated and put in its place. */
export async function contentOf(repository: Repository, snapshot: Snapshot): Promise<Content> {
  const files = new Map<string, Buffer>();
  await restoreSnapshot({
    repository,
    snapshot,
    workers: 1,
    target: {
      directory: () => undefined,
      file: ({ path, size }) => {
        files.set(path, Buffer.alloc(size));
      },
      write: ({ path }, offset, bytes) => {
        files.get(path)?.set(bytes, offset);
      },
      close: () => undefined,
    },
  });
  const hashed = [...files].map(
    ([path, bytes]) => [path, createHash('sha256').update(bytes).digest('hex')] as const,
  );
  return new Map(hashed);
}

/**
 * A listed snapshot is what the server sent, by the server's own manifest, and the log that makes
 * it consistent is there: a restore of it cannot fail for want of anything.
 */
export async function assertSound(
  repository: Repository,
  state: LineageState,
  snapshot: Snapshot,
): Promise<Content> {
  const content = await contentOf(repository, snapshot);
  const manifest = await readDocument({ repository, snapshot, name: DOCUMENT.manifest });
  const { files } = parseManifest(manifest);
  // Documents of the snapshot rather than files of it.
  const documents = new Set(['backup_label', 'tablespace_map']);
  const differing = files
    .filter(({ path }) => !documents.has(path))
    .filter(({ path, sha256 }) => content.get(path) !== sha256)
    .map(({ path }) => path);
  assert.ok(files.length > 100, `${files.length} files in the manifest`);
  assert.deepEqual(differing, [], 'every file is what the server sent');
  const resolution = await resolveTarget({
    source: state.lineage.source,
    state,
    target: { kind: 'snapshot', id: snapshot.id },
  });
  for (const segment of resolution.segments) {
    const bytes = await readCoveredSegment({ repository, segment });
    assert.equal(bytes.length, segment.covered);
  }
  return content;
}
