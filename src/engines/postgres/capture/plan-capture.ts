import { isHoldfastError } from '../../../errors/holdfast-error.ts';
import type { Inspection } from '../inspect/inspection.ts';
import { formatLsn, type Lsn } from '../lsn.ts';
import { isAncestor, switchPoint } from '../wal/timeline-history.ts';

/** What planning needs to know of the snapshot to build on. */
export interface CaptureParent {
  readonly systemIdentifier: string;
  readonly serverVersionNum: number;
  readonly walSegmentSize: number;
  readonly dataChecksums: boolean;
  readonly startTimeline: number;
  readonly startLsn: Lsn;
  readonly stopTimeline: number;
  readonly stopLsn: Lsn;
  /** The raw manifest of its backup can be read. */
  readonly hasManifest: boolean;
}

/**
 * full: nothing to build on. native-incremental: the server sends changed pages only.
 * hash-incremental: everything is read; pages equal to the parent's are not stored again.
 */
export interface CapturePlan {
  readonly kind: 'full' | 'native-incremental' | 'hash-incremental';
  /** For people. */
  readonly reason: string;
}

/** Decides before the backup begins how it is taken. Pure. */
export function planCapture(options: {
  readonly inspection: Inspection;
  readonly parent: CaptureParent | undefined;
}): CapturePlan {
  const { inspection, parent } = options;
  if (!parent) return { kind: 'full', reason: 'there is no parent snapshot' };
  const unrelated = whyUnrelated(inspection, parent);
  if (unrelated) return { kind: 'full', reason: unrelated };
  const unsummarized = whyUnsummarized(inspection, parent);
  if (unsummarized) return { kind: 'hash-incremental', reason: unsummarized };
  return { kind: 'native-incremental', reason: 'WAL summaries cover everything since the parent' };
}

/** How to go on when the server refused what was planned; undefined: the error stands. */
export function fallbackAfter(error: unknown): CapturePlan | undefined {
  if (!isHoldfastError(error)) return undefined;
  switch (error.code) {
    case 'POSTGRES_PARENT_NOT_ANCESTOR':
      return { kind: 'full', reason: error.message };
    case 'POSTGRES_SUMMARIES_MISSING':
    case 'POSTGRES_PARENT_TOO_NEW':
    case 'POSTGRES_MANIFEST_INVALID':
    case 'POSTGRES_INCREMENTAL_INVALID':
      return { kind: 'hash-incremental', reason: error.message };
    default:
      return undefined;
  }
}

function whyUnrelated(server: Inspection, parent: CaptureParent): string | undefined {
  if (parent.systemIdentifier !== server.systemIdentifier) {
    return 'the parent is of another cluster';
  }
  if (major(parent.serverVersionNum) !== major(server.serverVersionNum)) {
    return `the parent is of PostgreSQL ${major(parent.serverVersionNum)}`;
  }
  if (parent.dataChecksums !== server.dataChecksums) {
    return `page checksums were turned ${server.dataChecksums ? 'on' : 'off'} since the parent`;
  }
  if (parent.walSegmentSize !== server.walSegmentSize) {
    return 'the WAL segment size was changed since the parent';
  }
  if (!server.history) {
    return parent.stopTimeline === server.timeline
      ? undefined
      : `the history of timeline ${server.timeline} could not be read`;
  }
  if (isAncestor(server.history, parent.stopTimeline, parent.stopLsn)) return undefined;
  const end = switchPoint(server.history, parent.stopTimeline);
  return end
    ? `the server left timeline ${parent.stopTimeline} at ${formatLsn(end)}, before the parent ended at ${formatLsn(parent.stopLsn)}`
    : `timeline ${parent.stopTimeline} of the parent is not in the history of the server`;
}

function whyUnsummarized(server: Inspection, parent: CaptureParent): string | undefined {
  const { summarizer, history } = server;
  if (server.serverVersionNum < 170_000) {
    return `PostgreSQL ${major(server.serverVersionNum)} sends no incremental backups`;
  }
  if (!parent.hasManifest) return 'the manifest of the parent cannot be read';
  if (server.settings.summarize_wal !== 'on') return 'summarize_wal is off';
  if (!summarizer) return 'the WAL summaries could not be read over SQL';
  if (!summarizer.running) return 'the WAL summarizer is not running';
  // What the server still lacks at the end it summarizes when the backup begins.
  const needed =
    history?.ancestors.filter(({ timeline }) => timeline >= parent.startTimeline) ?? [];
  let begin = parent.startLsn;
  for (const { timeline, end } of needed) {
    if (begin < end && !covers(server, { timeline, begin, end })) {
      return `WAL summaries of timeline ${timeline} are incomplete`;
    }
    begin = end;
  }
  const reached = summarizer.timeline === server.timeline ? summarizer.summarizedLsn : begin;
  return reached <= begin || covers(server, { timeline: server.timeline, begin, end: reached })
    ? undefined
    : `WAL summaries since ${formatLsn(begin)} are incomplete`;
}

function covers(
  server: Inspection,
  span: { readonly timeline: number; readonly begin: Lsn; readonly end: Lsn },
): boolean {
  return (server.summarizer?.covered ?? []).some(
    ({ timeline, start, end }) =>
      timeline === span.timeline && start <= span.begin && end >= span.end,
  );
}

const major = (version: number): number => Math.floor(version / 10_000);
