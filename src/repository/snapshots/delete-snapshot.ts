import { HoldfastError } from '../../errors/holdfast-error.ts';
import type { Repository } from '../repository.ts';
import { listSessions } from '../sessions/session.ts';
import { decodeCommit } from './commit.ts';
import { isDamage } from './damage.ts';
import { commitKeys } from './list-snapshots.ts';
import type { Snapshot } from './snapshot.ts';
import { tombstoneKey } from './snapshot.ts';
import { objectsOf } from './stored-objects.ts';
import { putTombstone } from './tombstone.ts';

export interface Deletion {
  /** Objects and bytes removed from the store. */
  readonly objects: number;
  readonly bytes: number;
  /**
   * Commits that cannot be read: what they rely on is unknown, so nothing was removed. The snapshot
   * is gone from every list all the same.
   */
  readonly blockedBy: readonly string[];
}

/**
 * Deletes a snapshot: its tombstone first, then every object that no other snapshot of the lineage
 * relies on, its commit last, so that an interrupted deletion can be finished (`finishDeletions`).
 *
 * SNAPSHOT_IN_USE while a session builds on it or reads it. Hold the lease for snapshots meanwhile,
 * and pass its guard: it is called before every change.
 */
export async function deleteSnapshot(options: {
  repository: Repository;
  snapshot: Snapshot;
  guard?: () => void;
}): Promise<Deletion> {
  const { repository, snapshot, guard = () => undefined } = options;
  await assertUnused(repository, snapshot, repository.host.clock.now());
  guard();
  await putTombstone(repository, snapshot);
  // Again, by the store's own clock: a writer names its parent before it looks for tombstones.
  const { modified } = await repository.store.stat(tombstoneKey(snapshot));
  await assertUnused(repository, snapshot, modified);
  return await finishDeletions({ repository, lineage: snapshot.lineage, guard });
}

/** Removes what deleted snapshots of the lineage leave behind, also after a crash. */
export async function finishDeletions(options: {
  repository: Repository;
  lineage: string;
  guard?: () => void;
}): Promise<Deletion> {
  const { repository, guard = () => undefined } = options;
  const { all, deleted } = await commitKeys(options);
  const kept: Snapshot[] = [];
  const dying: Snapshot[] = [];
  const blockedBy: string[] = [];
  for (const key of all) {
    try {
      const snapshot = decodeCommit({ repository, key, body: await repository.store.get(key) });
      (deleted.has(key) ? dying : kept).push(snapshot);
    } catch (error) {
      if (!isDamage(error)) throw error;
      // Of a deleted snapshot that is the end of it; of another one it hides what must stay.
      if (!deleted.has(key)) blockedBy.push(key);
    }
  }
  if (blockedBy.length > 0) return { objects: 0, bytes: 0, blockedBy };

  const live = new Set(kept.flatMap((snapshot) => [...objectsOf(snapshot).keys()]));
  let objects = 0;
  let bytes = 0;
  for (const snapshot of dying) {
    for (const [key, size] of objectsOf(snapshot)) {
      if (live.has(key)) continue;
      // Two dying snapshots may share it.
      live.add(key);
      guard();
      await repository.store.remove(key);
      objects += 1;
      bytes += size;
    }
  }
  for (const { key } of dying) {
    guard();
    await repository.store.remove(key);
  }
  return { objects, bytes, blockedBy };
}

async function assertUnused(
  repository: Repository,
  snapshot: Snapshot,
  now: number,
): Promise<void> {
  for (const session of await listSessions({ repository })) {
    const live = session.modified + session.ttlMs > now;
    if (session.parent !== snapshot.id || !live) continue;
    const { holder } = session;
    throw new HoldfastError('SNAPSHOT_IN_USE', { snapshot: snapshot.id, holder });
  }
}
