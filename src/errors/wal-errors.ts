import type { CatalogueEntry } from './catalogue-entry.ts';

export const walErrors = {
  WAL_HISTORY_CORRUPT: {
    kind: 'corrupt',
    message: 'The timeline history {file} cannot be read: {reason}',
    hint: 'Fetch it again from pg_wal of the server; if it was stored in the repository, run holdfast verify.',
  },
  WAL_INDEX_CORRUPT: {
    kind: 'corrupt',
    message: 'A stored index of write-ahead log cannot be read: {reason}',
    hint: 'Run holdfast verify; the log itself can still be restored without its index.',
  },
  WAL_SEGMENT_INVALID: {
    kind: 'corrupt',
    message: '{file} is not the write-ahead log it is named: {reason}',
    hint: 'Nothing was stored. Look at {file} on the server: ls -l, and pg_waldump if it is installed.',
  },
  WAL_LOG_INVALID: {
    kind: 'corrupt',
    message: 'The log that came from the server is not valid: {reason} (segment {file}).',
    hint: 'It is stored as it came, but recovery cannot pass that point. Take a new backup now: holdfast backup; then look at the disks of the server.',
  },
  WAL_FOREIGN_SYSTEM: {
    kind: 'conflict',
    message: '{what} belongs to cluster {found}, not to cluster {expected}.',
    hint: 'Give each cluster its own source and its own journal directory in holdfast.yaml; nothing was changed.',
  },
  WAL_FOREIGN_SEGMENT_SIZE: {
    kind: 'conflict',
    message: '{what} has WAL segments of {found} bytes, not of {expected}.',
    hint: 'The segment size of a cluster was changed: give it a new journal directory, then take a new backup.',
  },
  WAL_JOURNAL_FAILED: {
    kind: 'transient',
    message: 'The journal in {directory} could not be made durable: {reason}',
    hint: 'Nothing after the last acknowledged position was acknowledged. Check the disk (space, dmesg), then start holdfast follow again.',
  },
  WAL_JOURNAL_IN_USE: {
    kind: 'conflict',
    message: 'The journal in {directory} is in use by {holder}.',
    hint: 'Stop that one first, or give each source and each repository a journal directory of its own in holdfast.yaml.',
  },
  WAL_JOURNAL_CORRUPT: {
    kind: 'corrupt',
    message: 'The journal in {directory} cannot be read: {reason}',
    hint: 'Move that directory away and start holdfast follow again: it continues from what the repository and the server hold.',
  },
  WAL_JOURNAL_AHEAD: {
    kind: 'conflict',
    message:
      'The journal holds timeline {timeline} up to {journal}, but {address} has written only up to {server}.',
    hint: 'The server was set back, or another server still runs as primary. Find out which one is right; to follow this one, move the journal directory away and take a new backup.',
  },
  WAL_SOURCE_BEHIND: {
    kind: 'transient',
    message: 'The standby {address} has only reached {server}; the journal is at {journal}.',
    hint: 'It is followed as soon as it has caught up; name the primary among the hosts to go on at once.',
  },
  WAL_DIVERGED: {
    kind: 'conflict',
    message:
      'The server sends other bytes for timeline {timeline} at {position} than those already stored.',
    hint: 'Two servers wrote the same timeline: one was restored without a promotion, or both run. Stop the wrong one; to follow this one, move the journal directory away and take a new backup.',
  },
  WAL_NOT_ANCESTOR: {
    kind: 'conflict',
    message:
      'The journal holds timeline {timeline}, which is not in the history of timeline {server} on {address}.',
    hint: 'That server was restored on another branch. To follow it, give it a new journal directory and take a new backup.',
  },
  WAL_STREAM_ENDED: {
    kind: 'transient',
    message: '{address} ended the stream of its log: {reason}',
    hint: 'It is followed again as soon as it runs; everything acknowledged is durable.',
  },
  WAL_NOT_CONTIGUOUS: {
    kind: 'corrupt',
    message: 'The server sent write-ahead log from {position} when {expected} was next.',
    hint: 'Nothing of it was acknowledged. Start holdfast follow again; if it repeats, report it with the version of the server.',
  },
  WAL_REMOTE_APPLY: {
    kind: 'usage',
    message:
      'synchronous_commit is remote_apply on {address}, and {name} is in synchronous_standby_names: every commit would wait for ever, since holdfast stores the log and never applies it.',
    hint: "On the server: ALTER SYSTEM SET synchronous_commit = 'on'; SELECT pg_reload_conf();",
  },
  WAL_GAP: {
    kind: 'absent',
    message:
      '{address} no longer has the log from {wanted} on; it continues at {available}. What lies between is lost for recovery to a point in time.',
    hint: 'Take a new backup now: holdfast backup. Recovery between the gap and that backup is not possible.',
  },
  WAL_SLOT_LOST: {
    kind: 'absent',
    message: 'The replication slot {slot} no longer keeps the log on {address}: {reason}',
    hint: "It is created again by itself. So that it is not lost again, on the server: ALTER SYSTEM SET max_slot_wal_keep_size = '<more>'; SELECT pg_reload_conf();",
  },
  WAL_SLOT_NAME: {
    kind: 'usage',
    message: '"{slot}" cannot be the name of a replication slot.',
    hint: 'Use up to 63 of the characters a-z, 0-9 and _ in holdfast.yaml.',
  },
  WAL_SLOT_FOREIGN: {
    kind: 'conflict',
    message:
      'The replication slot {slot} on {address} is a logical one and belongs to something else.',
    hint: 'Give the slot of this source another name in holdfast.yaml.',
  },
  WAL_UPLOAD_FAILED: {
    kind: 'transient',
    message:
      'The log of timeline {timeline} from {position} on is not in the repository yet: {reason}',
    hint: 'It is safe in the journal and will be tried again. Check the repository: holdfast doctor.',
  },
  WAL_ARCHIVE_FOREIGN: {
    kind: 'conflict',
    message: '{file} is of cluster {found}, but the source {source} is cluster {expected}.',
    hint: 'If the source is that cluster from now on, run holdfast backup {source}; otherwise correct --source in archive_command or restore_command.',
  },
  WAL_STORED_GAP: {
    kind: 'corrupt',
    message:
      'The repository holds {file} only up to byte {to}, and later log of the same timeline.',
    hint: 'Recovery cannot pass that gap. Run holdfast window to see what can be restored, and holdfast restore to do it.',
  },
  WAL_STORED_SEGMENT_INVALID: {
    kind: 'corrupt',
    message: 'What the repository holds as {file} is not that segment: {reason}',
    hint: 'Run holdfast verify; until then recovery stops before {file} instead of going live without it.',
  },
} as const satisfies Record<string, CatalogueEntry>;
