import type { Inspection } from '../engines/postgres/inspect/inspection.ts';
import { ensureLineage, type Lineage, listLineages } from '../repository/lineages.ts';
import type { Repository } from '../repository/repository.ts';
import type { PostgresSource } from './source.ts';

/**
 * The lineage of the cluster that answers under the source's name. A cluster that was upgraded or
 * created anew has another system identifier: its log and pages have nothing to do with the old
 * ones, so it begins a lineage of its own and the old one stays restorable.
 */
export async function enrolLineage(options: {
  readonly repository: Repository;
  readonly source: PostgresSource;
  readonly inspection: Inspection;
  readonly onNotice?: ((sentence: string) => void) | undefined;
}): Promise<{ readonly lineage: Lineage; readonly newLineage: boolean }> {
  const { repository, source, inspection, onNotice } = options;
  const earlier = (await listLineages({ repository })).filter(
    (lineage) => lineage.engine === 'postgres' && lineage.source === source.name,
  );
  const identity = inspection.systemIdentifier;
  const newLineage = earlier.length > 0 && !earlier.some((known) => known.identity === identity);
  const lineage = await ensureLineage({
    repository,
    engine: 'postgres',
    source: source.name,
    identity,
  });
  if (newLineage) {
    onNotice?.(
      `${source.name} is now another cluster (system identifier ${identity}): it continues as a ` +
        'new lineage, beginning with a full snapshot. What was there before stays restorable.',
    );
  }
  return { lineage, newLineage };
}
