import type { CatalogueEntry } from './catalogue.ts';

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
