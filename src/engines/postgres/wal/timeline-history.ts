import { HoldfastError } from '../../../errors/holdfast-error.ts';
import { formatLsn, type Lsn, lsn, parseLsn } from '../lsn.ts';
import { historyName } from './segment-name.ts';

/**
 * The ancestors of a timeline, oldest first, from its `.history` file: one line per ancestor,
 *
 *     <timeline> TAB <LSN at which the next one forked off> TAB <reason>
 *
 * blank lines and lines that begin with `#` count for nothing (PostgreSQL: timeline.c).
 * Timeline 1 has no file and no ancestors.
 */
export interface TimelineHistory {
  readonly timeline: number;
  readonly ancestors: readonly TimelineSwitch[];
}

export interface TimelineSwitch {
  readonly timeline: number;
  /** The first position that is no longer this timeline's. */
  readonly end: Lsn;
  readonly reason: string;
}

/** What one timeline contributes on the way to another: `[begin, end)`; end null on the last. */
export interface TimelineStretch {
  readonly timeline: number;
  readonly begin: Lsn;
  readonly end: Lsn | null;
}

export function parseTimelineHistory(timeline: number, bytes: Buffer): TimelineHistory {
  const corrupt = (reason: string) =>
    new HoldfastError('WAL_HISTORY_CORRUPT', { file: historyName(timeline), reason });
  const ancestors: TimelineSwitch[] = [];
  for (const line of bytes.toString('utf8').split('\n')) {
    if (/^\s*(#|$)/.test(line)) continue;
    const match = /^\s*(\d+)\s+([0-9A-Fa-f]{1,8}\/[0-9A-Fa-f]{1,8})(?:\s+(.*))?$/.exec(line);
    if (!match) throw corrupt(`it has the line "${line}"`);
    const ancestor = {
      timeline: Number(match[1]),
      end: parseLsn(match[2]!),
      reason: match[3]?.trimEnd() ?? '',
    };
    const before = ancestors.at(-1);
    if (before && ancestor.timeline <= before.timeline) {
      throw corrupt(`timeline ${ancestor.timeline} comes after ${before.timeline}`);
    }
    if (before && ancestor.end < before.end) {
      throw corrupt(`timeline ${ancestor.timeline} ends before it begins`);
    }
    ancestors.push(ancestor);
  }
  const parent = ancestors.at(-1);
  if (parent && parent.timeline >= timeline) {
    throw corrupt(`timeline ${parent.timeline} cannot be an ancestor of ${timeline}`);
  }
  if (timeline > 1 && !parent) throw corrupt('it names no ancestor');
  return { timeline, ancestors };
}

export function formatTimelineHistory(history: TimelineHistory): Buffer {
  const lines = history.ancestors.map(
    ({ timeline, end, reason }) => `${timeline}\t${formatLsn(end)}\t${reason}\n`,
  );
  return Buffer.from(lines.join(''));
}

/** From the first ancestor to the timeline itself. */
export function timelinePath(history: TimelineHistory): readonly TimelineStretch[] {
  const path: TimelineStretch[] = [];
  let begin = lsn(0n);
  for (const { timeline, end } of history.ancestors) {
    path.push({ timeline, begin, end });
    begin = end;
  }
  path.push({ timeline: history.timeline, begin, end: null });
  return path;
}

/** Where the way to this history leaves `timeline`; null: it never does; undefined: not on it. */
export function switchPoint(history: TimelineHistory, timeline: number): Lsn | null | undefined {
  if (timeline === history.timeline) return null;
  return history.ancestors.find((ancestor) => ancestor.timeline === timeline)?.end;
}

/** Whether log of `timeline` up to `position` is part of this history. */
export function isAncestor(history: TimelineHistory, timeline: number, position: Lsn): boolean {
  const end = switchPoint(history, timeline);
  return end === null || (end !== undefined && position <= end);
}

/** The timeline that wrote the byte at `position`, as seen from this history. */
export function timelineAt(history: TimelineHistory, position: Lsn): number {
  const owner = history.ancestors.find(({ end }) => position < end);
  return owner?.timeline ?? history.timeline;
}
