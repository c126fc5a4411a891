import type { CatalogueEntry } from './catalogue-entry.ts';

export const configErrors = {
  CONFIG_INVALID: {
    kind: 'usage',
    message: '{file}:{line}: {reason}',
    hint: 'Correct that line and run the command again; nothing was changed.',
  },
  CONFIG_ABSENT: {
    kind: 'absent',
    message: 'There is no configuration at {file}.',
    hint: 'Create one with holdfast init, or name yours with --config <file> or HOLDFAST_CONFIG.',
  },
  CONFIG_UNREADABLE: {
    kind: 'denied',
    message: 'The configuration {file} cannot be read: {reason}',
    hint: 'Give the user that runs holdfast permission to read it, then run the command again.',
  },
  SOURCE_UNKNOWN: {
    kind: 'usage',
    message: 'There is no source called {source} in {file}; it names {known}.',
    hint: 'Use one of those names, or add {source} below "sources:" in {file}.',
  },
  SOURCE_UNNAMED: {
    kind: 'usage',
    message: '{file} has several sources ({known}), and this command works on one.',
    hint: 'Name it: {command}',
  },
  SECRET_UNSET: {
    kind: 'denied',
    message: 'The environment variable {name}, which should hold the {purpose}, is not set.',
    hint: 'Set {name} for the user that runs holdfast, then run the command again.',
  },
  SECRET_UNREADABLE: {
    kind: 'denied',
    message: 'The {purpose} cannot be read from {path}: {reason}',
    hint: 'Create {path}, readable only by the user that runs holdfast (chmod 600), then run the command again.',
  },
  SECRET_EMPTY: {
    kind: 'denied',
    message: 'The {purpose} in {place} is empty.',
    hint: 'Put the {purpose} there, then run the command again.',
  },
  SECRET_MALFORMED: {
    kind: 'denied',
    message: 'The {purpose} in {place} is not one: {reason}',
    hint: 'Point to the file that holdfast init or holdfast key add wrote.',
  },
  TLS_FILE_UNREADABLE: {
    kind: 'denied',
    message: 'tls.{key} of source {source} cannot be read from {path}: {reason}',
    hint: 'Correct tls.{key} in holdfast.yaml, or make {path} readable for the user that runs holdfast.',
  },
  FILE_UNWRITABLE: {
    kind: 'denied',
    message: '{path} cannot be written: {reason}',
    hint: 'Create its directory, writable for the user that runs holdfast, then run the command again.',
  },
  KEY_FILE_EXISTS: {
    kind: 'conflict',
    message: '{path} exists already, and a key is never overwritten.',
    hint: 'Give --key-file a path that does not exist yet.',
  },
  INIT_KEY_ABSENT: {
    kind: 'absent',
    message: 'There is a repository at {location} already, and its key is not at {path}.',
    hint: 'Put its key there or name it (--key-file, --passphrase-file, --passphrase-env); for a new repository choose another --location.',
  },
  CLI_USAGE: {
    kind: 'usage',
    message: '{reason}',
    hint: 'See {help} for what it accepts and for examples.',
  },
  TIME_UNREADABLE: {
    kind: 'usage',
    message: 'The time "{text}" cannot be understood: {reason}',
    hint: 'Write it like 2026-11-21T14:32:07Z, "2026-11-21 14:32:07", 14:32:07 or "10 min ago".',
  },
  TIME_AMBIGUOUS: {
    kind: 'usage',
    message: 'The time "{text}" happened twice here, because the clocks were set back.',
    hint: 'Say which one: --at {first} or --at {second}',
  },
  INTERRUPTED: {
    kind: 'transient',
    message: 'Stopped by {signal}.',
    hint: 'Run the command again when you are ready; nothing was reported as done that is not.',
  },
} as const satisfies Record<string, CatalogueEntry>;
