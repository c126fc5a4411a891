import type { Command } from 'commander';
import { lsnTarget, type Target } from '../recovery/target/target.ts';
import { usage, wholeNumber } from './new-command.ts';
import { parseTime } from './parse-time.ts';

export interface TargetOptions {
  readonly at?: string;
  readonly lsn?: string;
  readonly xid?: string;
  readonly name?: string;
  readonly snapshot?: string;
  readonly latest?: boolean;
}

export interface AskedTarget {
  readonly target: Target;
  /** As the person wrote it. */
  readonly asked: string;
  /** Said aloud before anything is done: the time zone that was assumed. */
  readonly assumption?: string;
}

const FLAGS = ['at', 'lsn', 'xid', 'name', 'snapshot', 'latest'] as const;

/** At most one of the target options; none means the latest position held. */
export function parseTarget(options: {
  readonly command: Command;
  readonly given: TargetOptions;
  readonly now: number;
}): AskedTarget {
  const { command, given, now } = options;
  const flags = FLAGS.filter((flag) => given[flag] !== undefined);
  if (flags.length > 1) {
    const spelled = flags.map((flag) => `--${flag}`).join(' and ');
    throw usage(command, `${spelled} cannot be given together: a restore ends at one place.`);
  }
  if (given.at !== undefined) {
    const { time, assumption } = parseTime({ text: given.at, now });
    return {
      target: { kind: 'time', time },
      asked: given.at,
      ...(assumption !== undefined && { assumption }),
    };
  }
  if (given.lsn !== undefined) return { target: readLsn(command, given.lsn), asked: given.lsn };
  if (given.xid !== undefined) {
    // 0, 1 and 2 are PostgreSQL's own special transactions.
    const range = { least: 3, most: 0xffff_ffff };
    const xid = wholeNumber({ command, flag: '--xid', text: given.xid, ...range });
    return { target: { kind: 'xid', xid }, asked: `transaction ${xid}` };
  }
  if (given.name !== undefined) {
    return { target: { kind: 'name', name: given.name }, asked: `restore point "${given.name}"` };
  }
  if (given.snapshot !== undefined) {
    const id = snapshotId(command, given.snapshot);
    return { target: { kind: 'snapshot', id }, asked: `snapshot ${id}` };
  }
  return { target: { kind: 'latest' }, asked: 'latest' };
}

function readLsn(command: Command, text: string): Target {
  try {
    return lsnTarget(text);
  } catch {
    throw usage(command, `--lsn must look like 16/B374D848, not "${text}".`);
  }
}

/** An id, or the first digits of one (at least four). */
export function snapshotId(command: Command, text: string): string {
  const id = text.toLowerCase();
  if (/^[0-9a-f]{4,32}$/.test(id)) return id;
  throw usage(command, `A snapshot is named by 4 to 32 hex digits of its id, not "${text}".`);
}
