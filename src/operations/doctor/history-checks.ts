import { parseInstant } from '../../content/instant.ts';
import { formatLsn } from '../../engines/postgres/lsn.ts';
import { type LineageState, readLineageState } from '../../recovery/lineage-state.ts';
import type { Lineage } from '../../repository/lineages.ts';
import type { Repository } from '../../repository/repository.ts';
import { latestVerification } from '../../repository/verifications.ts';
import { chainWarnings } from '../list.ts';
import { documentOf } from '../snapshot-summary.ts';
import { unreachableTimelines } from '../unreachable-timelines.ts';
import { type Finding, ok, problem, spanText, warning } from './finding.ts';

/** A day, and some for the run itself. */
const SNAPSHOT_AGE_S = 26 * 3600;

export interface HistoryFacts {
  readonly findings: readonly Finding[];
  /** When a piece of the log last reached the store, by the store's clock. */
  readonly lastStored: number | undefined;
}

/** What the repository holds of one cluster: snapshots, their chain, and the log between. */
export async function historyFacts(options: {
  readonly repository: Repository;
  readonly lineage: Lineage;
}): Promise<HistoryFacts> {
  const { repository, lineage } = options;
  const state = await readLineageState({ repository, lineage });
  const findings = [
    newestFinding(state, repository.host.clock.now()),
    ...chainFindings(state),
    ...(await verifiedFindings(repository, state)),
    ...gapFindings(state),
    ...unreachableTimelines(state).map(({ message, hint }) =>
      problem('window.timelines', message, hint),
    ),
  ];
  return { findings, lastStored: lastStored(state) };
}

export const noSnapshot = (source: string): Finding =>
  problem(
    'snapshot.newest',
    `There is no snapshot of ${source}: nothing can be restored.`,
    `holdfast backup ${source}`,
  );

function newestFinding({ list, lineage }: LineageState, now: number): Finding {
  const newest = list.snapshots.at(-1);
  if (!newest) return noSnapshot(lineage.source);
  const age = (now - parseInstant(documentOf(newest).stoppedAt) / 1000) / 1000;
  const message = `The newest snapshot is ${spanText(age)} old.`;
  if (age <= SNAPSHOT_AGE_S) return ok('snapshot.newest', message);
  const why = 'A restore has to replay all log since then.';
  return warning('snapshot.newest', `${message} ${why}`, `holdfast backup ${lineage.source}`);
}

function chainFindings({ list }: LineageState): Finding[] {
  const damaged = list.damaged.length;
  const found = chainWarnings(list).map(({ message, hint }, position) =>
    position < damaged
      ? problem('snapshot.chain', message, hint)
      : warning('snapshot.chain', message, hint),
  );
  const count = list.snapshots.length;
  if (found.length > 0 || count === 0) return found;
  return [ok('snapshot.chain', `The chain of ${count} snapshots is whole and signed.`)];
}

async function verifiedFindings(repository: Repository, { list }: LineageState) {
  const newest = list.snapshots.at(-1);
  const findings: Finding[] = [];
  for (const snapshot of list.snapshots) {
    const last = await latestVerification({ repository, snapshot });
    const again = `holdfast verify ${snapshot.id} --level V3`;
    if (last?.ok === false) {
      const message = `Snapshot ${snapshot.id} failed its verification ${last.level} of ${last.verified}.`;
      findings.push(problem('snapshot.verified', message, again));
    } else if (snapshot === newest) {
      findings.push(
        last
          ? ok('snapshot.verified', `The newest snapshot passed ${last.level} on ${last.verified}.`)
          : ok('snapshot.verified', 'The newest snapshot was not verified yet.', again),
      );
    }
  }
  return findings;
}

function gapFindings({ windows, lineage, list }: LineageState): Finding[] {
  if (list.snapshots.length === 0) return [];
  const findings = windows.flatMap(({ timeline, gaps, ranges }) =>
    gaps.map(({ from, to, segment }) => {
      const mended = ranges.some((range) => range.from >= to);
      const where = `Between ${formatLsn(from)} and ${formatLsn(to)} on timeline ${timeline} nothing can be restored`;
      const missing = segment === '' ? '.' : `: segment ${segment} is not in the repository.`;
      return warning(
        'window.gaps',
        `${where}${missing}`,
        mended
          ? `Targets on either side restore: holdfast window ${lineage.source}`
          : `Take a snapshot, from which the log reaches on: holdfast backup ${lineage.source}`,
      );
    }),
  );
  return findings.length > 0 ? findings : [ok('window.gaps', 'The log held has no gap.')];
}

function lastStored({ coverage }: LineageState): number | undefined {
  let last: number | undefined;
  for (const branch of coverage.values()) {
    for (const { pieces } of branch.values()) {
      for (const { modified } of pieces) last = Math.max(last ?? 0, modified);
    }
  }
  return last;
}
