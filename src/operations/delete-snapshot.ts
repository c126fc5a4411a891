import { readFollowerPosition } from '../capture/follower-position.ts';
import type { Warning } from '../config/warning.ts';
import { readLineageState } from '../recovery/lineage-state.ts';
import { readLogState } from '../recovery/log/log-state.ts';
import { Lease } from '../repository/leases/lease.ts';
import type { Repository } from '../repository/repository.ts';
import { deleteSnapshot as remove } from '../repository/snapshots/delete-snapshot.ts';
import { objectsOf } from '../repository/snapshots/stored-objects.ts';
import { removeVerifications } from '../repository/verifications.ts';
import { holder } from './backup.ts';
import type { ConfiguredContext, DeleteRequest, DeleteResult, TimelineRanges } from './contract.ts';
import { type FoundSnapshot, findSnapshot } from './find-snapshot.ts';
import { openConfigured } from './open-configured.ts';
import { documentOf, snapshotSummary } from './snapshot-summary.ts';
import { timelineRanges } from './window.ts';

export async function deleteSnapshot(
  context: ConfiguredContext,
  request: DeleteRequest,
): Promise<DeleteResult> {
  const { repository, warnings: opened } = await openConfigured(context);
  const found = await findSnapshot({
    repository,
    prefix: request.snapshot,
    source: request.source,
  });
  const warnings = [...opened, ...(await consequences({ repository, found }))];
  const { snapshot, lineage } = found;
  const freed = request.dryRun
    ? wouldFree(found)
    : await removeUnderLease({ context, repository, found, warnings });
  return {
    snapshot: snapshotSummary({ snapshot, lineage }),
    dryRun: request.dryRun,
    ...freed,
    warnings,
  };
}

interface Freed {
  readonly objects: number;
  readonly bytes: number;
}

/** What no other snapshot of the lineage relies on. */
function wouldFree({ snapshot, list }: FoundSnapshot): Freed {
  if (list.damaged.length > 0) return { objects: 0, bytes: 0 };
  const others = list.snapshots.filter(({ id }) => id !== snapshot.id);
  const kept = new Set(others.flatMap((other) => [...objectsOf(other).keys()]));
  const sizes = [...objectsOf(snapshot)].filter(([key]) => !kept.has(key)).map(([, size]) => size);
  return { objects: sizes.length, bytes: sizes.reduce((sum, size) => sum + size, 0) };
}

async function removeUnderLease(options: {
  readonly context: ConfiguredContext;
  readonly repository: Repository;
  readonly found: FoundSnapshot;
  readonly warnings: Warning[];
}): Promise<Freed> {
  const { context, repository, found, warnings } = options;
  const { snapshot, lineage, list } = found;
  await using lease = await Lease.acquire({
    repository,
    lineage: lineage.id,
    role: 'snapshots',
    holder: holder(),
    after: list.snapshots.at(-1)?.generation ?? 0,
    signal: context.signal,
    onWaiting: ({ holder: other }) =>
      context.onNotice(`Waiting to see whether ${other} is still writing snapshots.`),
  });
  lease.keepAlive();
  const guard = () => lease.guard();
  const { objects, bytes, blockedBy } = await remove({ repository, snapshot, guard });
  await removeVerifications({ repository, snapshot });
  for (const key of blockedBy) {
    warnings.push({
      message: `No space was freed: ${key} cannot be read, so what it relies on is unknown.`,
      hint: 'Put that object back from another copy of the repository, then delete any snapshot: the space of this one is freed with it.',
    });
  }
  return { objects, bytes };
}

/** What can no longer be restored, and what still can. */
async function consequences(options: {
  readonly repository: Repository;
  readonly found: FoundSnapshot;
}): Promise<Warning[]> {
  const { repository, found } = options;
  const { snapshot, lineage, list } = found;
  const others = list.snapshots.filter(({ id }) => id !== snapshot.id);
  if (others.length === 0) {
    return [
      {
        message: `It is the only snapshot of this cluster of ${lineage.source}: without it nothing of the cluster can be restored.`,
        hint: `Take another one: holdfast backup ${lineage.source}`,
      },
    ];
  }
  const before = timelineRanges(await readLineageState({ repository, lineage }));
  const after = timelineRanges(
    await readLogState({
      repository,
      lineage,
      snapshots: others.map((other) => ({ id: other.id, engine: documentOf(other) })),
      follower: await readFollowerPosition({ repository, lineage }),
    }),
  );
  if (windowText(before) === windowText(after)) return [];
  return [
    {
      message: `What can be restored of ${lineage.source} shrinks from ${windowText(before)} to ${windowText(after)}.`,
      hint: `See it with: holdfast window ${lineage.source}`,
    },
  ];
}

/** Ranges by time; the snapshot a range starts from makes no difference to what it covers. */
function windowText(timelines: readonly TimelineRanges[]): string {
  const texts = timelines.flatMap(({ timeline, ranges }) =>
    ranges.map(({ from, to }) => `${from.time} to ${to.time} on timeline ${timeline}`),
  );
  return texts.length === 0 ? 'nothing' : texts.join(', ');
}
