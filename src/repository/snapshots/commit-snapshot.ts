import { hash } from 'node:crypto';
import { HoldfastError, isHoldfastError } from '../../errors/holdfast-error.ts';
import type { PackReference } from '../packs/open-pack.ts';
import { packKey } from '../packs/pack-trailer.ts';
import type { Repository } from '../repository.ts';
import { type IndexReference, indexKey } from './blob.ts';
import { encodeCommit } from './commit.ts';
import { commitKeys } from './list-snapshots.ts';
import type { CommitReference, Snapshot } from './snapshot.ts';
import { findUnsound } from './stored-objects.ts';
import { assertNotDeleted, readTombstone } from './tombstone.ts';

export interface CommitOptions
  extends Pick<Snapshot, 'lineage' | 'generation' | 'engine' | 'leaves' | 'documents' | 'stats'> {
  readonly repository: Repository;
  readonly guard: () => void;
  readonly parent: Snapshot | undefined;
  readonly packs: { readonly own: readonly PackReference[]; readonly used: ReadonlySet<string> };
  readonly indexes: { readonly own: readonly IndexReference[]; readonly used: ReadonlySet<string> };
}

/**
 * Makes a snapshot visible with one create-only PUT, after every object it relies on was found in
 * the store with its size. SNAPSHOT_INCOMPLETE when one was not; SNAPSHOT_SUPERSEDED when a writer
 * with a newer lease committed; SNAPSHOT_PARENT_DELETED.
 */
export async function commitSnapshot(options: CommitOptions): Promise<Snapshot> {
  const { repository, lineage, generation, parent, guard } = options;
  const packs = pick(options.packs, parent?.packs, packKey);
  const indexes = pick(options.indexes, parent?.indexes, indexKey);
  for await (const { key, reason } of findUnsound(repository.store, { packs, indexes })) {
    throw new HoldfastError('SNAPSHOT_INCOMPLETE', { object: key, reason });
  }
  // After everything is stored: whoever deletes the parent wrote this before it removes anything.
  if (parent !== undefined) await assertNotDeleted(repository, parent);

  const head = await findHead(options);
  if (head !== null && head.generation > generation) throw superseded(head.key);
  const sequence = (head?.sequence ?? 0) + 1;
  const { engine, leaves, documents, stats } = options;
  const { body, snapshot } = encodeCommit({
    repository,
    snapshot: {
      id: repository.host.random.bytes(16).toString('hex'),
      lineage,
      generation,
      sequence,
      predecessor: head && { key: head.key, sha256: head.sha256 },
      parent: parent?.id ?? null,
      created: repository.host.clock.now(),
      packs,
      indexes,
      engine,
      leaves,
      documents,
      stats,
    },
  });
  guard();
  try {
    await repository.store.put(snapshot.key, body);
  } catch (error) {
    if (!isHoldfastError(error, 'STORE_EXISTS')) throw error;
    // Our own write whose answer was lost, or another writer's.
    const stored = await repository.store.get(snapshot.key);
    if (!stored.equals(body)) throw superseded(snapshot.key, error);
  }
  return snapshot;
}

/** The newest commit of the lineage, deleted or not. */
async function findHead(options: {
  repository: Repository;
  lineage: string;
}): Promise<(CommitReference & { generation: number; sequence: number }) | null> {
  const { repository, lineage } = options;
  const { all } = await commitKeys(options);
  const key = all.at(-1);
  if (key === undefined) return null;
  const numbers = all.map((one) => /(\d+)-(\d+)\.json$/.exec(one)?.slice(1).map(Number) ?? []);
  const generation = numbers.at(-1)?.[0] ?? 0;
  // A late commit of an older generation may have the greatest sequence; it is not used twice.
  const sequence = Math.max(...numbers.map(([, part = 0]) => part));
  const at = { key, generation, sequence };
  const tombstone = await readTombstone(repository, { lineage, key });
  if (tombstone !== undefined) return { ...at, sha256: tombstone.commit.sha256 };
  return { ...at, sha256: hash('sha256', await repository.store.get(key), 'hex') };
}

/** The references behind the ids: this snapshot's own, or the parent's. */
function pick<T extends { readonly id: string }>(
  from: { readonly own: readonly T[]; readonly used: ReadonlySet<string> },
  inherited: readonly T[] | undefined,
  key: (id: string) => string,
): T[] {
  const known = new Map([...(inherited ?? []), ...from.own].map((one) => [one.id, one]));
  return [...from.used].sort().map((id) => {
    const found = known.get(id);
    if (found !== undefined) return found;
    const reason = 'the parent reads from it without naming it';
    throw new HoldfastError('SNAPSHOT_INCOMPLETE', { object: key(id), reason });
  });
}

function superseded(key: string, cause?: unknown): HoldfastError {
  return new HoldfastError('SNAPSHOT_SUPERSEDED', { key }, { cause });
}
