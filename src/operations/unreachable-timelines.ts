import type { Warning } from '../config/warning.ts';
import type { LineageState } from '../recovery/lineage-state.ts';

/** What is held and cannot be restored: the newest data may lie there, so silence would deceive. */
export function unreachableTimelines({
  unreachable,
  lineage,
}: Pick<LineageState, 'unreachable' | 'lineage'>): Warning[] {
  return unreachable.map(({ timeline, error }) => ({
    message: `Timeline ${timeline} cannot be restored, and no restore goes on into it: ${error.message}`,
    hint:
      error.code === 'TIMELINE_UNKNOWN'
        ? `A server that is on it, or beyond it, still has its history: holdfast follow ${lineage.source}`
        : error.hint,
  }));
}
