import { formatLsn, type Lsn } from '../../engines/postgres/lsn.ts';
import { HoldfastError } from '../../errors/holdfast-error.ts';
import type { SegmentCoverage } from '../log/coverage.ts';
import type { SegmentFacts } from '../log/log-facts.ts';
import type { LogState } from '../log/log-state.ts';
import type { Target } from './target.ts';

interface Found {
  readonly timeline: number;
  readonly end: Lsn;
}

/**
 * Where a transaction ended or a restore point was made, by the index of every segment held.
 * A restore point's name may be used more than once: then the choice is the caller's.
 */
export async function locateByName(options: {
  readonly source: string;
  readonly state: LogState;
  readonly target: Extract<Target, { kind: 'xid' | 'name' }>;
  readonly timeline?: number;
}): Promise<Lsn> {
  const { state, target, timeline, source } = options;
  const path = timeline === undefined ? undefined : state.pathTo(timeline);
  const found: Found[] = [];
  for (const segment of allSegments(state)) {
    if (path && !path.some((stretch) => stretch.timeline === segment.timeline)) continue;
    for (const end of matches(await state.readFacts(segment), target)) {
      if (found.some((other) => other.end === end)) continue;
      found.push({ timeline: segment.timeline, end });
    }
  }
  const asked = target.kind === 'xid' ? `transaction ${target.xid}` : `"${target.name}"`;
  const [first] = found;
  if (!first) throw new HoldfastError('TARGET_NOT_FOUND', { target: asked, source });
  if (found.length > 1) {
    throw new HoldfastError('TARGET_REPEATED', {
      target: asked,
      source,
      choices: found.map(({ end }) => `--lsn ${formatLsn(end)}`).join(' or '),
    });
  }
  return first.end;
}

function matches(facts: SegmentFacts, target: Extract<Target, { kind: 'xid' | 'name' }>): Lsn[] {
  return target.kind === 'xid'
    ? facts.transactions.filter(({ xid }) => xid === target.xid).map(({ end }) => end)
    : facts.restorePoints.filter(({ name }) => name === target.name).map(({ end }) => end);
}

function allSegments(state: LogState): SegmentCoverage[] {
  return [...state.coverage.values()].flatMap((branch) =>
    [...branch.values()].sort((a, b) => (a.number < b.number ? -1 : 1)),
  );
}
