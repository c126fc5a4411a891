import type { CatalogueEntry } from './catalogue-entry.ts';

export const recoveryErrors = {
  TARGET_OUTSIDE_WINDOW: {
    kind: 'usage',
    message: 'The target {target} is outside what can be restored: {ranges}.',
    hint: 'Run holdfast window {source} to see the restorable ranges, or restore with --latest.',
  },
  TARGET_AMBIGUOUS: {
    kind: 'usage',
    message: 'The target {target} exists on timelines {timelines}.',
    hint: 'Say which history you mean: run the command again with {choices}.',
  },
  TARGET_NOT_FOUND: {
    kind: 'absent',
    message: 'The log held for {source} has no {target}.',
    hint: 'Run holdfast window {source} to see what the log covers.',
  },
  TARGET_REPEATED: {
    kind: 'usage',
    message: 'The log held for {source} has {target} more than once.',
    hint: 'Say which one: run the command again with {choices}.',
  },
  NO_SNAPSHOT: {
    kind: 'absent',
    message: 'There is no snapshot of {source} yet.',
    hint: 'Take one with holdfast backup {source}.',
  },
  SNAPSHOT_UNKNOWN: {
    kind: 'absent',
    message: 'There is no single snapshot {snapshot} of {source}.',
    hint: 'Run holdfast list to see the snapshots and their ids.',
  },
  SNAPSHOT_AMBIGUOUS: {
    kind: 'usage',
    message: 'Several snapshots begin with {snapshot}: {matches}.',
    hint: 'Give more digits of the one you mean.',
  },
  TIMELINE_UNKNOWN: {
    kind: 'absent',
    message: 'The repository holds no history of timeline {timeline}.',
    hint: 'Run holdfast window {source} to see the timelines that are held.',
  },
  LOG_MISSING: {
    kind: 'corrupt',
    message: 'The log of {source} from {from} to {to} is not in the repository without a hole.',
    hint: 'Run holdfast window {source} to see the gaps and choose a target inside a range.',
  },
  DESTINATION_NOT_EMPTY: {
    kind: 'usage',
    message: '{directory} is not empty; a restore never writes over anything.',
    hint: 'Give an empty or new directory: holdfast restore {source} --to <directory>.',
  },
  DESTINATION_UNUSABLE: {
    kind: 'denied',
    message: '{directory} cannot be used to restore into: {reason}.',
    hint: 'Create it for the user that runs holdfast, or give another directory with --to.',
  },
  DESTINATION_FULL: {
    kind: 'transient',
    message: 'There is no space left in {directory}.',
    hint: 'Empty it, free space or choose a larger volume, then run the command again.',
  },
  TABLESPACE_NOT_EMPTY: {
    kind: 'usage',
    message: 'Tablespace {oid} would be restored to {location}, which is not empty.',
    hint: 'Map it elsewhere: run the command again with --tablespace {location}=<directory>.',
  },
  TABLESPACE_UNKNOWN: {
    kind: 'usage',
    message: 'The snapshot has no tablespace at {location}; it has {known}.',
    hint: 'Name a tablespace by its own place: --tablespace /its/own/place=/another/place.',
  },
  TABLESPACE_COLLISION: {
    kind: 'usage',
    message: 'Tablespace {oid} would be restored to {target}, which is for {other} already.',
    hint: 'Map it to a directory of its own: --tablespace {original}=<directory>.',
  },
  RECOVERY_FAILED: {
    kind: 'unproven',
    message: 'The restored server did not finish recovery: {reason}',
    hint: 'The files are in {directory}, its log is {log}. Run holdfast verify, then try an earlier target.',
  },
  SNAPSHOT_FAILED_VERIFICATION: {
    kind: 'corrupt',
    message: 'Snapshot {snapshot} failed its last verification.',
    hint: 'Restore another snapshot, or add --despite-failed-verification.',
  },
} as const satisfies Record<string, CatalogueEntry>;
