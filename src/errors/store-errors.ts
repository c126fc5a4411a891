import type { CatalogueEntry } from './catalogue-entry.ts';

export const storeErrors = {
  STORE_ABSENT: {
    kind: 'absent',
    message: 'The object {key} is not in the store.',
    hint: 'Run holdfast doctor; if the object was removed, restore it from another copy of the repository.',
  },
  STORE_EXISTS: {
    kind: 'conflict',
    message: 'The object {key} already exists and is never overwritten.',
    hint: 'Another writer created it first. Run holdfast list to see what is there.',
  },
  STORE_CHANGED: {
    kind: 'conflict',
    message: 'The object {key} was changed by another writer.',
    hint: 'Run the command again; if it repeats, stop the other writer first.',
  },
  STORE_DENIED: {
    kind: 'denied',
    message: 'The store refused {operation} of {key}: {reason}',
    hint: 'Give the user that runs holdfast permission for it, then run the command again.',
  },
  STORE_ROOT_DENIED: {
    kind: 'denied',
    message: 'The repository directory {location} is closed to this user: {reason}',
    hint: 'Every directory above it must let the user that runs holdfast pass (x). See which does not: namei -l {location}',
  },
  STORE_FULL: {
    kind: 'transient',
    message: 'The store has no space left for {key}.',
    hint: 'Free space on the repository volume, then run the command again; nothing was acknowledged.',
  },
  STORE_TRANSIENT: {
    kind: 'transient',
    message: 'The store did not complete {operation} of {key}: {reason}',
    hint: 'Run the command again; nothing was acknowledged.',
  },
  STORE_UNAVAILABLE: {
    kind: 'transient',
    message: 'The repository directory {location} cannot be reached: {reason}',
    hint: 'Mount the volume that holds it, or correct repository.location in holdfast.yaml, then run the command again.',
  },
  STORE_UNSUITABLE: {
    kind: 'usage',
    message: 'The store at {location} cannot hold a repository: {reason}',
    hint: 'Put the repository on a store that can: a local or NFS file system with hard links, or object storage with conditional writes.',
  },
} as const satisfies Record<string, CatalogueEntry>;
