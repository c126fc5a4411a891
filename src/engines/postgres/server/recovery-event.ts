import { type Lsn, parseLsn } from '../lsn.ts';

/** What a server tells of its recovery, in the order of its log. Times are as it wrote them. */
export type RecoveryEvent =
  | { readonly kind: 'starting'; readonly target: string }
  | { readonly kind: 'restored'; readonly file: string }
  | { readonly kind: 'redo-starts'; readonly at: Lsn }
  | { readonly kind: 'redo-progress'; readonly at: Lsn }
  | { readonly kind: 'consistent'; readonly at: Lsn }
  /** The target was reached. `time` is that of the transaction or restore point it stopped at. */
  | {
      readonly kind: 'stopping';
      readonly where: string;
      readonly time?: string;
      readonly at?: Lsn;
    }
  | { readonly kind: 'redo-done'; readonly at: Lsn }
  | { readonly kind: 'last-completed'; readonly time: string }
  | { readonly kind: 'new-timeline'; readonly timeline: number }
  | { readonly kind: 'archive-recovery-complete' }
  | { readonly kind: 'paused' }
  | { readonly kind: 'accepting'; readonly readOnly: boolean }
  | { readonly kind: 'shut-down' }
  /** The log ended before the target: recovery found nothing more to apply. */
  | { readonly kind: 'target-not-reached' }
  | { readonly kind: 'failed'; readonly severity: 'FATAL' | 'PANIC'; readonly message: string };

/** `%b` tells the startup process from clients that are turned away meanwhile. */
export const LOG_LINE_PREFIX = '%m [%p] %b: ';

/** Before the postmaster has read its settings, its prefix lacks the backend type. */
const LINE = /^\S+ \S+ \S+ \[\d+\] (?:([a-z][^:]*): +)?([A-Z]+): +(.*)$/;

type Reader = readonly [RegExp, (match: RegExpExecArray) => RecoveryEvent];

const LSN = '([0-9A-F]+/[0-9A-F]+)';
const first = (match: RegExpExecArray): string => match[1] ?? '';

const LOG_LINES: readonly Reader[] = [
  [/^starting (.*recovery.*)$/, (m) => ({ kind: 'starting', target: first(m) })],
  [/^restored log file "(.*)" from archive$/, (m) => ({ kind: 'restored', file: first(m) })],
  [new RegExp(`^redo starts at ${LSN}`), (m) => ({ kind: 'redo-starts', at: parseLsn(first(m)) })],
  [
    new RegExp(`^redo in progress, .*current LSN: ${LSN}`),
    (m) => ({ kind: 'redo-progress', at: parseLsn(first(m)) }),
  ],
  [
    new RegExp(`^consistent recovery state reached at ${LSN}`),
    (m) => ({ kind: 'consistent', at: parseLsn(first(m)) }),
  ],
  [/^recovery stopping (.*)$/, (m) => stopping(first(m))],
  [new RegExp(`^redo done at ${LSN}`), (m) => ({ kind: 'redo-done', at: parseLsn(first(m)) })],
  [
    /^last completed transaction was at log time (.*)$/,
    (m) => ({ kind: 'last-completed', time: first(m) }),
  ],
  [
    /^selected new timeline ID: (\d+)$/,
    (m) => ({ kind: 'new-timeline', timeline: Number(first(m)) }),
  ],
  [/^archive recovery complete$/, () => ({ kind: 'archive-recovery-complete' })],
  [/^pausing at the end of recovery$/, () => ({ kind: 'paused' })],
  [
    /^database system is ready to accept (read-only |read only )?connections$/,
    (m) => ({ kind: 'accepting', readOnly: m[1] !== undefined }),
  ],
  [/^database system is shut down$/, () => ({ kind: 'shut-down' })],
];

/** The event of one line of the server's log, if it is one. */
export function parseRecoveryEvent(line: string): RecoveryEvent | undefined {
  const [, backend = 'postmaster', severity = '', message = ''] = LINE.exec(line) ?? [];
  if (severity === 'FATAL' || severity === 'PANIC') {
    if (message === 'recovery ended before configured recovery target was reached') {
      return { kind: 'target-not-reached' };
    }
    const isServer = severity === 'PANIC' || backend === 'startup' || backend === 'postmaster';
    return isServer ? { kind: 'failed', severity, message } : undefined;
  }
  if (severity !== 'LOG') return undefined;
  for (const [pattern, read] of LOG_LINES) {
    const match = pattern.exec(message);
    if (match) return read(match);
  }
  return undefined;
}

/** `before commit of transaction 735, time …`, `after WAL location (LSN) "0/3000000"`, … */
function stopping(where: string): RecoveryEvent {
  const time = /, time (.*)$/.exec(where)?.[1];
  const at = new RegExp(`\\(LSN\\) "${LSN}"`).exec(where)?.[1];
  return {
    kind: 'stopping',
    where,
    ...(time !== undefined && { time }),
    ...(at !== undefined && { at: parseLsn(at) }),
  };
}
