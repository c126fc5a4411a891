import { HoldfastError } from '../errors/holdfast-error.ts';
import type { Lineage } from '../repository/lineages.ts';
import type { Repository } from '../repository/repository.ts';
import { listSnapshots, type SnapshotList } from '../repository/snapshots/list-snapshots.ts';
import type { Snapshot } from '../repository/snapshots/snapshot.ts';
import { sourceLineages } from './source-lineages.ts';

export interface FoundSnapshot {
  readonly snapshot: Snapshot;
  readonly lineage: Lineage;
  /** Of the same lineage. */
  readonly list: SnapshotList;
}

/**
 * The snapshot whose id begins with `prefix`: SNAPSHOT_UNKNOWN or SNAPSHOT_AMBIGUOUS. Where a
 * commit is damaged its id is unknown, so nothing found means that damage and not absence.
 */
export async function findSnapshot(options: {
  readonly repository: Repository;
  readonly prefix: string;
  readonly source?: string | undefined;
}): Promise<FoundSnapshot> {
  const { repository, prefix, source } = options;
  const found: FoundSnapshot[] = [];
  let damage: HoldfastError | undefined;
  for (const lineage of await sourceLineages({ repository, source })) {
    const list = await listSnapshots({ repository, lineage: lineage.id });
    damage ??= list.damaged[0]?.error;
    for (const snapshot of list.snapshots) {
      if (snapshot.id.startsWith(prefix)) found.push({ snapshot, lineage, list });
    }
  }
  const [only, another] = found;
  if (only && !another) return only;
  if (only) {
    throw new HoldfastError('SNAPSHOT_AMBIGUOUS', {
      snapshot: prefix,
      matches: found.map(({ snapshot }) => snapshot.id).join(', '),
    });
  }
  if (damage) throw damage;
  throw new HoldfastError('SNAPSHOT_UNKNOWN', {
    snapshot: prefix,
    source: source ?? 'any source',
  });
}
