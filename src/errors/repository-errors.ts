import type { CatalogueEntry } from './catalogue-entry.ts';

export const repositoryErrors = {
  REPOSITORY_ABSENT: {
    kind: 'absent',
    message: 'There is no holdfast repository at {location}.',
    hint: 'Create one with holdfast init, or correct repository.location in holdfast.yaml.',
  },
  OBJECT_CORRUPT: {
    kind: 'corrupt',
    message: 'The stored object {object} is damaged: {reason}.',
    hint: 'Run holdfast verify --level V3 to see which snapshots need it; the others restore. Put the object back from another copy of the repository.',
  },
  REPOSITORY_EXISTS: {
    kind: 'conflict',
    message: 'There is a holdfast repository at {location} already.',
    hint: 'Use it as it is, or choose another repository.location in holdfast.yaml.',
  },
  REPOSITORY_HEADLESS: {
    kind: 'corrupt',
    message: 'The repository at {location} has lost its repo.json; its other objects are there.',
    hint: 'Copy repo.json back from a replica or an older version of the bucket; do not run holdfast init over it.',
  },
  REPOSITORY_DAMAGED: {
    kind: 'corrupt',
    message: '{key} is not what was written: {reason}',
    hint: 'Copy {key} back from a replica of the repository, then run holdfast doctor.',
  },
  REPOSITORY_NEWER: {
    kind: 'usage',
    message: '{key} has format version {found}; this holdfast knows up to {known}.',
    hint: 'Install the newest holdfast and run the command again; nothing was changed.',
  },
  REPOSITORY_FEATURE: {
    kind: 'usage',
    message:
      'To {purpose} this repository holdfast must know the feature {feature}, and this one does not.',
    hint: 'Install the newest holdfast and run the command again; nothing was changed.',
  },
  REPOSITORY_STORE_UNSAFE: {
    kind: 'usage',
    message:
      'The store at {location} ignores conditional writes ({missing}): two writers could overwrite each other unseen.',
    hint: 'Choose a store that honours If-None-Match and If-Match; holdfast init --allow-unsafe-store accepts the risk with one writer only.',
  },
  KEY_WRONG: {
    kind: 'denied',
    message: 'This {kind} opens none of the {count} recipients of the repository at {location}.',
    hint: 'Check the {kind}; holdfast key list shows who can open this repository.',
  },
  KEY_NO_RECIPIENT: {
    kind: 'denied',
    message: 'The repository at {location} has no recipient with a {kind}.',
    hint: 'Unlock it another way; holdfast key list shows who can open this repository.',
  },
  KEY_KDF_UNSUPPORTED: {
    kind: 'usage',
    message: 'The recipient {key} is protected with {kdf}, which this Node does not have.',
    hint: 'Run holdfast with Node 24.7 or newer.',
  },
  KEY_WEAK: {
    kind: 'usage',
    message: 'This {kind} cannot protect a repository: {reason}',
    hint: 'Choose a longer passphrase, or use a key file instead: --key-file <path>.',
  },
  KEY_NO_FULL_RECIPIENT: {
    kind: 'usage',
    message: 'Nobody could ever restore from a repository without a recipient of role full.',
    hint: 'Give holdfast init at least one passphrase or key file of role full.',
  },
  KEY_WRITE_ONLY: {
    kind: 'denied',
    message: 'The key in use can only write: it cannot {operation}.',
    hint: 'Run the command where a passphrase or key file of role full is configured.',
  },
  KEY_SEAL_CORRUPT: {
    kind: 'corrupt',
    message:
      'A sealed key does not open: it was altered, or belongs to another object or repository.',
    hint: 'Run holdfast verify; restore the object from a replica of the repository.',
  },
  SIGNATURE_INVALID: {
    kind: 'corrupt',
    message: 'A signature does not hold: {reason}',
    hint: 'Do not use this object. Run holdfast verify and compare with a replica of the repository.',
  },
  SEALED_CORRUPT: {
    kind: 'corrupt',
    message: '{key} does not open: it was altered, or belongs to another place.',
    hint: 'Run holdfast verify; restore the object from a replica of the repository.',
  },
  LEASE_PAUSED: {
    kind: 'transient',
    message: 'The {role} lease was not renewed for {age} s, so nothing more is written: {reason}',
    hint: 'The run goes on by itself once the store answers; if it does not, run holdfast doctor.',
  },
  LEASE_LOST: {
    kind: 'conflict',
    message: 'Another holdfast process took over the {role} lease of this run.',
    hint: 'What this run stored is not committed. See holdfast list, and run the command again if no other writer is active.',
  },
  SESSION_LOST: {
    kind: 'conflict',
    message: 'The session of this run was ended as dead by a collection.',
    hint: 'What this run stored is not committed; run the command again.',
  },
  LOG_CONFLICT: {
    kind: 'conflict',
    message: '{key} is in the repository with other content.',
    hint: 'Two servers write the same timeline: never let both continue. Compare them with holdfast doctor before anything else.',
  },
  LOG_GAP: {
    kind: 'corrupt',
    message: 'The log has a hole in {segment}: bytes {at} to {next} are missing.',
    hint: 'Restore to a time before the hole: holdfast window shows what can be restored.',
  },
  LOG_CORRUPT: {
    kind: 'corrupt',
    message: '{key} is not what was written: {reason}',
    hint: 'Copy {key} back from a replica of the repository, then run holdfast verify.',
  },
  SNAPSHOT_PARENT_DELETED: {
    kind: 'conflict',
    message: 'The snapshot {snapshot}, on which this backup builds, is being deleted.',
    hint: 'Run the command again: it builds on another snapshot, or takes a full one.',
  },
  SNAPSHOT_SUPERSEDED: {
    kind: 'conflict',
    message: 'Another writer has committed {key}; this snapshot was not committed.',
    hint: 'Run holdfast list to see its snapshot, then run the command again.',
  },
  SNAPSHOT_INCOMPLETE: {
    kind: 'corrupt',
    message: 'The snapshot was not committed: it needs {object}, and that {reason}.',
    hint: 'Run holdfast verify to see which snapshots are touched, then take a full backup: holdfast backup --full',
  },
  SNAPSHOT_IN_USE: {
    kind: 'conflict',
    message: 'The snapshot {snapshot} is in use by {holder}.',
    hint: 'Run the command again when that has ended.',
  },
  DOCUMENT_ABSENT: {
    kind: 'absent',
    message: 'The snapshot {snapshot} has no document {name}.',
    hint: 'Run holdfast show {snapshot} to see what it holds.',
  },
} as const satisfies Record<string, CatalogueEntry>;
