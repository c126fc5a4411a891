import type { Warning } from '../config/warning.ts';
import { listSnapshots, type SnapshotList } from '../repository/snapshots/list-snapshots.ts';
import type { ConfiguredContext, ListResult, SnapshotSummary, SourceRequest } from './contract.ts';
import { openConfigured } from './open-configured.ts';
import { snapshotSummary } from './snapshot-summary.ts';
import { damagedWarning, readableSource, sourceLineages } from './source-lineages.ts';

/** Of one source, or of everything the repository holds. */
export async function list(
  context: ConfiguredContext,
  request: SourceRequest,
): Promise<ListResult> {
  const { repository, warnings: opened } = await openConfigured(context);
  const { source: name } = request;
  const source =
    name === undefined
      ? undefined
      : await readableSource({ context, repository, name, command: 'holdfast list' });
  const warnings: Warning[] = [...opened];
  const lineages = await sourceLineages({
    repository,
    source,
    onDamaged: (damaged) => warnings.push(damagedWarning(damaged)),
  });
  const snapshots: SnapshotSummary[] = [];
  for (const lineage of lineages) {
    const found = await listSnapshots({ repository, lineage: lineage.id });
    snapshots.push(...found.snapshots.map((snapshot) => snapshotSummary({ snapshot, lineage })));
    warnings.push(...chainWarnings(found));
  }
  // ISO 8601 in UTC with six digits sorts as text.
  snapshots.sort((a, b) => (a.consistentAt < b.consistentAt ? -1 : 1));
  return { snapshots, warnings };
}

export function chainWarnings({ damaged, offChain }: SnapshotList): Warning[] {
  return [
    ...damaged.map(({ key, error }) => ({
      message: `A snapshot is not listed, its commit ${key} cannot be used: ${error.message}`,
      hint: error.hint,
    })),
    ...offChain.map((key) => ({
      message: `The commit ${key} lies beside the chain: its writer had been replaced when it was stored.`,
      hint: 'Nothing needs to be done: the snapshots listed do not rely on it.',
    })),
  ];
}
