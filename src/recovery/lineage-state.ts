import { readFollowerPosition } from '../capture/follower-position.ts';
import type { PostgresSnapshotDocument } from '../engines/postgres/snapshot-document.ts';
import { HoldfastError } from '../errors/holdfast-error.ts';
import type { Lineage } from '../repository/lineages.ts';
import type { Repository } from '../repository/repository.ts';
import { listSnapshots, type SnapshotList } from '../repository/snapshots/list-snapshots.ts';
import type { Snapshot } from '../repository/snapshots/snapshot.ts';
import { type LogState, readLogState } from './log/log-state.ts';

/** A lineage as recovery sees it: its snapshots, its log, and what they make restorable. */
export interface LineageState extends LogState {
  readonly lineage: Lineage;
  readonly list: SnapshotList;
  snapshotById(id: string): Snapshot;
}

export async function readLineageState(options: {
  readonly repository: Repository;
  readonly lineage: Lineage;
}): Promise<LineageState> {
  const { repository, lineage } = options;
  const list = await listSnapshots({ repository, lineage: lineage.id });
  const follower = await readFollowerPosition({ repository, lineage });
  const snapshots = list.snapshots.map(({ id, engine }) => ({
    id,
    engine: engine as unknown as PostgresSnapshotDocument,
  }));
  const state = await readLogState({ repository, lineage, snapshots, follower });
  return {
    ...state,
    lineage,
    list,
    snapshotById: (id) => {
      const snapshot = list.snapshots.find((candidate) => candidate.id === id);
      if (snapshot) return snapshot;
      throw new HoldfastError('SNAPSHOT_UNKNOWN', { snapshot: id, source: lineage.source });
    },
  };
}
