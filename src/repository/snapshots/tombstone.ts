import { z } from 'zod';
import { HoldfastError, isHoldfastError } from '../../errors/holdfast-error.ts';
import type { Repository } from '../repository.ts';
import { openSignedJson, signJson } from './signed-json.ts';
import { type CommitReference, type Snapshot, tombstoneKey } from './snapshot.ts';

/**
 * lineages/<lineage>/tombstones/<the commit's name>, create-only: the snapshot is deleted, or about
 * to be. It stays for good and carries the chain of commits over the gap. A signed object
 * (signed-json.ts) of
 *
 *   lineage, snapshot (id), deleted (ISO 8601)
 *   commit, predecessor   { key, sha256 }; the predecessor may be null
 */
export interface Tombstone {
  readonly snapshot: string;
  readonly commit: CommitReference;
  readonly predecessor: CommitReference | null;
}

const reference = z.object({ key: z.string(), sha256: z.string() });
const schema = z.object({
  lineage: z.string(),
  snapshot: z.string(),
  deleted: z.iso.datetime(),
  commit: reference,
  predecessor: reference.nullable(),
});

/** Repeating it is success. */
export async function putTombstone(repository: Repository, snapshot: Snapshot): Promise<void> {
  const { lineage, id, key, sha256, predecessor } = snapshot;
  const body = signJson({
    repository,
    purpose: 'tombstone',
    value: {
      lineage,
      snapshot: id,
      deleted: new Date(repository.host.clock.now()).toISOString(),
      commit: { key, sha256 },
      predecessor: predecessor && { ...predecessor },
    },
  });
  try {
    await repository.store.put(tombstoneKey(snapshot), body);
  } catch (error) {
    if (!isHoldfastError(error, 'STORE_EXISTS')) throw error;
    await readTombstone(repository, snapshot);
  }
}

/** Of the commit `key`; undefined when it has none. */
export async function readTombstone(
  repository: Repository,
  commit: { readonly lineage: string; readonly key: string },
): Promise<Tombstone | undefined> {
  const key = tombstoneKey(commit);
  let body: Buffer;
  try {
    body = await repository.store.get(key);
  } catch (error) {
    if (isHoldfastError(error, 'STORE_ABSENT')) return undefined;
    throw error;
  }
  const tombstone = openSignedJson({ repository, purpose: 'tombstone', key, body, schema });
  if (tombstone.lineage !== commit.lineage || tombstone.commit.key !== commit.key) {
    const reason = 'it belongs under another name';
    throw new HoldfastError('OBJECT_CORRUPT', { object: key, reason });
  }
  return tombstone;
}

/** SNAPSHOT_PARENT_DELETED when it is deleted or about to be: nothing may build on it. */
export async function assertNotDeleted(repository: Repository, parent: Snapshot): Promise<void> {
  if ((await readTombstone(repository, parent)) === undefined) return;
  throw new HoldfastError('SNAPSHOT_PARENT_DELETED', { snapshot: parent.id });
}
