import type { CatalogueEntry } from './catalogue-entry.ts';

export const captureErrors = {
  CAPTURE_SECOND_WRITER: {
    kind: 'conflict',
    message: 'Another holdfast process is already writing this: {role} held by {holder}.',
    hint: 'Let it finish, or stop it; its lease lapses by itself {ttl} s after its last sign of life.',
  },
  CAPTURE_LOG_INCOMPLETE: {
    kind: 'transient',
    message: 'The server did not send its log from {from} to {to} on timeline {timeline}.',
    hint: 'Run the backup again; the snapshot was not committed.',
  },
  CAPTURE_LOG_NOT_KEPT: {
    kind: 'usage',
    message:
      'The server at {address} gave up the log of this backup: {written} MB were written since it began, and max_slot_wal_keep_size is {limit} MB.',
    hint: "Let it keep what is written during a backup, then run the command again: ALTER SYSTEM SET max_slot_wal_keep_size = '-1'; SELECT pg_reload_conf(); Any limit well above {written} MB will do instead of -1.",
  },
  CAPTURE_SERVER_CHANGED: {
    kind: 'transient',
    message: 'The source answered from {first}, then from {second}.',
    hint: 'Run the command again; if it repeats, set prefer: primary for the source.',
  },
  CAPTURE_BLOCKED: {
    kind: 'usage',
    message: '{address} cannot be backed up: {reason}',
    hint: '{fix}',
  },
  FOLLOW_UNCONFIGURED: {
    kind: 'usage',
    message: 'The source {source} in {file} has no follow section.',
    hint: 'Add one (slot, application-name, journal), see docs/02-configuration.md, then run holdfast follow {source}.',
  },
} as const satisfies Record<string, CatalogueEntry>;
