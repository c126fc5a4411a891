import { formatLsn, type Lsn } from '../../engines/postgres/lsn.ts';
import { HoldfastError } from '../../errors/holdfast-error.ts';
import type { SegmentCoverage } from '../log/coverage.ts';
import type { SegmentFacts } from '../log/log-facts.ts';
import { liesOnPath } from '../log/log-path.ts';
import type { LogState } from '../log/log-state.ts';
import type { Target } from './target.ts';

type Named = Extract<Target, { kind: 'xid' | 'name' }>;

/** A record that a target names. */
export interface FoundRecord {
  /** The one that wrote it, whatever segments hold a copy. */
  readonly timeline: number;
  readonly start: Lsn;
  readonly end: Lsn;
}

/**
 * Where a transaction ended or a restore point was made, by the index of every segment held.
 * The same may be found on several timelines, or a restore point's name be used more than once:
 * then the choice is the caller's.
 */
export async function locateByName(options: {
  readonly source: string;
  readonly state: LogState;
  readonly target: Named;
  readonly timeline?: number;
}): Promise<FoundRecord> {
  const { state, target, timeline, source } = options;
  const path = timeline === undefined ? undefined : state.pathTo(timeline);
  const found = (await findAll(state, target)).filter(
    (record) => !path || liesOnPath(path, record.timeline, record.end),
  );
  const asked = target.kind === 'xid' ? `transaction ${target.xid}` : `"${target.name}"`;
  const [first] = found;
  if (!first) throw new HoldfastError('TARGET_NOT_FOUND', { target: asked, source });
  const timelines = [...new Set(found.map((record) => record.timeline))];
  if (timelines.length > 1 && timeline === undefined) {
    throw new HoldfastError('TARGET_AMBIGUOUS', {
      target: asked,
      source,
      timelines: timelines.join(', '),
      choices: timelines.map((one) => `--timeline ${one}`).join(' or '),
    });
  }
  if (found.length > 1) {
    throw new HoldfastError('TARGET_REPEATED', {
      target: asked,
      source,
      // Where the record begins: at its end, the next record would be replayed too.
      choices: found.map(({ start }) => `--lsn ${formatLsn(start)}`).join(' or '),
    });
  }
  return first;
}

async function findAll(state: LogState, target: Named): Promise<FoundRecord[]> {
  const found = new Map<string, FoundRecord>();
  for (const segment of allSegments(state)) {
    for (const { start, end } of matches(await state.readFacts(segment), target)) {
      const timeline = writerOf(state, segment, end);
      found.set(`${timeline}/${end}`, { timeline, start, end });
    }
  }
  return [...found.values()];
}

/** A timeline's first segment begins with a copy of its parent's bytes. */
function writerOf(state: LogState, segment: SegmentCoverage, end: Lsn): number {
  const { path } = state.windows.find(({ timeline }) => timeline === segment.timeline)!;
  const owner = path.find((stretch) => stretch.end === null || end <= stretch.end);
  return owner?.timeline ?? segment.timeline;
}

function matches(
  facts: SegmentFacts,
  target: Named,
): readonly { readonly start: Lsn; readonly end: Lsn }[] {
  return target.kind === 'xid'
    ? facts.transactions.filter(({ xid }) => xid === target.xid)
    : facts.restorePoints.filter(({ name }) => name === target.name);
}

/** Of the timelines whose history is known. */
function allSegments(state: LogState): SegmentCoverage[] {
  return state.windows.flatMap(({ timeline }) =>
    [...(state.coverage.get(timeline)?.values() ?? [])].sort((a, b) =>
      a.number < b.number ? -1 : 1,
    ),
  );
}
