import type { ConfiguredContext, ShowResult, SnapshotRequest } from './contract.ts';
import { findSnapshot } from './find-snapshot.ts';
import { openConfigured } from './open-configured.ts';
import { documentOf, snapshotSummary } from './snapshot-summary.ts';

export async function show(
  context: ConfiguredContext,
  request: SnapshotRequest,
): Promise<ShowResult> {
  const { repository } = await openConfigured(context);
  const { snapshot, lineage } = await findSnapshot({
    repository,
    prefix: request.snapshot,
    source: request.source,
  });
  const document = documentOf(snapshot);
  return {
    snapshot: snapshotSummary({ snapshot, lineage }),
    systemIdentifier: document.systemIdentifier,
    capturedFrom: document.capturedFrom,
    dataChecksums: document.dataChecksums,
    checksumFailures: document.checksumFailures,
    tablespaces: document.tablespaces,
    packs: snapshot.packs.length,
    next: [
      `holdfast verify ${snapshot.id} --level V3`,
      `holdfast restore ${lineage.source} --snapshot ${snapshot.id} --to <directory> --start`,
    ],
  };
}
