import type { Warning } from '../config/warning.ts';
import { formatInstant } from '../content/instant.ts';
import { formatLsn } from '../engines/postgres/lsn.ts';
import { type LineageState, readLineageState } from '../recovery/lineage-state.ts';
import type { ConfiguredContext, SourceRequest, TimelineRanges, WindowResult } from './contract.ts';
import { openConfigured } from './open-configured.ts';
import { readableSource, sourceLineages } from './source-lineages.ts';
import { unreachableTimelines } from './unreachable-timelines.ts';

export async function window(
  context: ConfiguredContext,
  request: SourceRequest,
): Promise<WindowResult> {
  const { repository } = await openConfigured(context);
  const source = await readableSource({
    context,
    repository,
    name: request.source,
    command: 'holdfast window',
  });
  const warnings: Warning[] = [];
  const lineages: WindowResult['lineages'][number][] = [];
  for (const lineage of await sourceLineages({ repository, source })) {
    const state = await readLineageState({ repository, lineage });
    warnings.push(...unreachableTimelines(state));
    lineages.push({
      lineage: lineage.id,
      systemIdentifier: lineage.identity,
      timelines: timelineRanges(state),
    });
  }
  return { source, lineages, warnings };
}

/** Every timeline of which something is held, restorable or not. */
export function timelineRanges({
  windows,
  ranges,
}: Pick<LineageState, 'windows' | 'ranges'>): TimelineRanges[] {
  return windows.map(({ timeline, gaps }) => ({
    timeline,
    ranges: ranges
      .filter((range) => range.timeline === timeline)
      .map(({ from, to, fromTime, throughTime, snapshot }) => ({
        from: { time: formatInstant(fromTime), lsn: formatLsn(from) },
        to: { time: formatInstant(throughTime), lsn: formatLsn(to) },
        snapshot,
      })),
    gaps: gaps.map(({ from, to, segment }) => ({
      fromLsn: formatLsn(from),
      toLsn: formatLsn(to),
      segment,
    })),
  }));
}
