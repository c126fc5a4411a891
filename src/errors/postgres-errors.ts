import type { CatalogueEntry } from './catalogue-entry.ts';

export const postgresErrors = {
  POSTGRES_UNREACHABLE: {
    kind: 'transient',
    message: 'PostgreSQL at {address} cannot be reached: {reason}',
    hint: 'Check that the server runs and listens there, then run holdfast doctor.',
  },
  // Connecting
  POSTGRES_CONNECTION_LOST: {
    kind: 'transient',
    message: 'The connection to PostgreSQL at {address} ended: {reason}',
    hint: 'Run the command again; if it repeats, read the server log of that moment.',
  },
  POSTGRES_PROTOCOL: {
    kind: 'corrupt',
    message: 'What came over the connection is not the PostgreSQL protocol: {reason}',
    hint: 'Check that host and port are those of the PostgreSQL server itself, then run the command again.',
  },
  POSTGRES_NO_SUITABLE_HOST: {
    kind: 'transient',
    message: 'None of {address} answers as {wanted}: {reason}',
    hint: 'Check which server is primary with: select pg_is_in_recovery(); then correct the hosts or the wanted role.',
  },
  POSTGRES_TLS_REFUSED: {
    kind: 'denied',
    message: 'PostgreSQL at {address} does not offer TLS, and the configuration demands it.',
    hint: 'Set ssl = on with a certificate in postgresql.conf, or lower tls.mode to prefer for this source.',
  },
  POSTGRES_TLS_UNTRUSTED: {
    kind: 'denied',
    message: 'The TLS certificate of PostgreSQL at {address} is not trusted: {reason}',
    hint: 'Give the certificate of its authority as tls.ca, or connect by the name the certificate carries.',
  },
  POSTGRES_TLS_CLIENT_CERTIFICATE: {
    kind: 'denied',
    message: 'PostgreSQL at {address} refused the client certificate: {reason}',
    hint: 'Give tls.certificate and tls.key signed by an authority in the ssl_ca_file of the server, with CN = {user}.',
  },
  POSTGRES_TLS_INTERRUPTED: {
    kind: 'denied',
    message: 'Unencrypted bytes came before the TLS handshake with {address}.',
    hint: 'Somebody may be altering the connection: look at what stands between this machine and the server.',
  },
  POSTGRES_CLEARTEXT_REFUSED: {
    kind: 'denied',
    message:
      'PostgreSQL at {address} asks for the password in clear text without TLS; it was not sent.',
    hint: 'Set tls.mode to require (or better verify-full), or use scram-sha-256 in pg_hba.conf.',
  },
  POSTGRES_SERVER_UNPROVEN: {
    kind: 'denied',
    message: 'PostgreSQL at {address} could not prove that it knows the password: {reason}',
    hint: 'Somebody may be posing as the server: check its address and use tls.mode verify-full.',
  },
  POSTGRES_AUTHENTICATION_UNSUPPORTED: {
    kind: 'usage',
    message:
      'PostgreSQL at {address} asks for an authentication method holdfast does not speak: {reason}',
    hint: 'Use scram-sha-256, md5, cert, peer or trust for this role in pg_hba.conf.',
  },
  POSTGRES_PASSWORD_MISSING: {
    kind: 'denied',
    message: 'PostgreSQL at {address} asks for the password of {user}, and none is configured.',
    hint: 'Give the password of that role in the configuration of the source, then run the command again.',
  },
  POSTGRES_WRONG_PASSWORD: {
    kind: 'denied',
    message: 'PostgreSQL at {address} does not accept the password of {user}: {reason}',
    hint: 'Correct the password, or set it on the server: ALTER ROLE "{user}" PASSWORD \'…\';',
  },
  POSTGRES_HBA_REFUSED: {
    kind: 'denied',
    message: 'pg_hba.conf of PostgreSQL at {address} lets {user} not into {database}: {reason}',
    hint: 'Add a line to pg_hba.conf on the server, then select pg_reload_conf(); the line: host {database} {user} <address of this machine>/32 scram-sha-256',
  },
  POSTGRES_ROLE_REFUSED: {
    kind: 'denied',
    message: 'PostgreSQL at {address} refuses {user}: {reason}',
    hint: 'Create the role on the server: CREATE ROLE "{user}" LOGIN REPLICATION PASSWORD \'…\';',
  },
  POSTGRES_REPLICATION_PRIVILEGE: {
    kind: 'denied',
    message: 'The role {user} may not replicate from PostgreSQL at {address}: {reason}',
    hint: 'Run on the server as a superuser: ALTER ROLE "{user}" REPLICATION;',
  },
  POSTGRES_PRIVILEGE: {
    kind: 'denied',
    message: 'The role {user} lacks a privilege on PostgreSQL at {address}: {reason}',
    hint: 'Grant it on the server as a superuser; for monitoring facts: GRANT pg_monitor TO "{user}";',
  },
  POSTGRES_DATABASE_ABSENT: {
    kind: 'absent',
    message: 'PostgreSQL at {address} has no database {database}: {reason}',
    hint: 'Correct the database of the source; list them with: select datname from pg_database;',
  },
  POSTGRES_TOO_MANY_CONNECTIONS: {
    kind: 'transient',
    message: 'PostgreSQL at {address} has no free connection: {reason}',
    hint: 'Run the command again later, or raise max_wal_senders (replication) or max_connections and restart the server.',
  },
  POSTGRES_NO_WAL_SENDERS: {
    kind: 'usage',
    message: 'PostgreSQL at {address} allows no replication at all: {reason}',
    hint: 'On the server: ALTER SYSTEM SET wal_level = replica; ALTER SYSTEM SET max_wal_senders = 10; then restart it.',
  },
  POSTGRES_NOT_ACCEPTING: {
    kind: 'transient',
    message: 'PostgreSQL at {address} does not accept connections yet: {reason}',
    hint: 'Run the command again when the server has finished starting or recovering.',
  },
  POSTGRES_SHUTTING_DOWN: {
    kind: 'transient',
    message: 'PostgreSQL at {address} ended the session: {reason}',
    hint: 'Run the command again when the server is back.',
  },
  // Requests
  POSTGRES_CANCELLED: {
    kind: 'transient',
    message: 'PostgreSQL at {address} cancelled the request: {reason}',
    hint: 'Run the command again; if it repeats, look for a statement_timeout or somebody cancelling it.',
  },
  POSTGRES_TEMPORARY: {
    kind: 'transient',
    message: 'PostgreSQL at {address} could not do it now ({sqlState}): {reason}',
    hint: 'Run the command again; if it repeats, read the server log.',
  },
  POSTGRES_REFUSED: {
    kind: 'usage',
    message: 'PostgreSQL at {address} refused the request ({sqlState}): {reason}',
    hint: 'Read the reason; run holdfast doctor to see what this server lacks.',
  },
  POSTGRES_OBJECT_ABSENT: {
    kind: 'absent',
    message: 'PostgreSQL at {address} does not have it: {reason}',
    hint: 'List slots with: select slot_name from pg_replication_slots; holdfast follow creates its own again.',
  },
  POSTGRES_OBJECT_EXISTS: {
    kind: 'conflict',
    message: 'PostgreSQL at {address} has it already: {reason}',
    hint: "If nobody uses it: select pg_drop_replication_slot('<name>'); then run the command again.",
  },
  POSTGRES_OBJECT_IN_USE: {
    kind: 'conflict',
    message: 'PostgreSQL at {address} says it is in use: {reason}',
    hint: 'Stop the other user of it; see: select slot_name, active_pid from pg_replication_slots;',
  },
  POSTGRES_WAL_REMOVED: {
    kind: 'absent',
    message: 'PostgreSQL at {address} has already removed WAL that is needed: {reason}',
    hint: 'Take a new backup with holdfast backup; to keep WAL while following, let holdfast follow use a slot.',
  },
  POSTGRES_DATA_CORRUPTED: {
    kind: 'corrupt',
    message: 'PostgreSQL at {address} reports corrupted data: {reason}',
    hint: 'Find the damaged relations in the server log and repair or restore them; older snapshots may hold good copies.',
  },
  POSTGRES_WAL_LEVEL: {
    kind: 'usage',
    message: 'PostgreSQL at {address} writes too little WAL for a backup: {reason}',
    hint: 'Run ALTER SYSTEM SET wal_level = replica; and restart the server.',
  },
  POSTGRES_PROMOTED_MEANWHILE: {
    kind: 'transient',
    message: 'The standby at {address} was promoted during the backup: {reason}',
    hint: 'Run the command again.',
  },
  POSTGRES_FULL_PAGE_WRITES_OFF: {
    kind: 'usage',
    message:
      'A standby cannot be backed up while its primary runs without full page writes: {reason}',
    hint: 'Run on the primary ALTER SYSTEM SET full_page_writes = on; select pg_reload_conf(); checkpoint; and then on the standby again.',
  },
  // Capture
  POSTGRES_VERSION_UNSUPPORTED: {
    kind: 'usage',
    message: 'PostgreSQL at {address} is version {version}; holdfast backs up 14 to 18.',
    hint: 'Upgrade the server, or use a release of holdfast that knows that version.',
  },
  POSTGRES_SUMMARIES_MISSING: {
    kind: 'transient',
    message: 'The server has not all WAL summaries since the parent backup: {reason}',
    hint: 'This backup can be taken with a full read instead; for later ones: ALTER SYSTEM SET summarize_wal = on; select pg_reload_conf();',
  },
  POSTGRES_PARENT_NOT_ANCESTOR: {
    kind: 'conflict',
    message: 'The parent backup is not part of the history of PostgreSQL at {address}: {reason}',
    hint: 'Take a full backup: holdfast backup --full',
  },
  POSTGRES_PARENT_TOO_NEW: {
    kind: 'transient',
    message: 'PostgreSQL at {address} has no checkpoint newer than the parent backup: {reason}',
    hint: 'On a standby this passes with the next restartpoint: run checkpoint on the primary, then the command again.',
  },
  POSTGRES_ARCHIVE_INVALID: {
    kind: 'corrupt',
    message: 'The base backup stream is not what PostgreSQL sends: {reason}',
    hint: 'Nothing was stored as a snapshot. Run the command again; if it repeats, report it with the server version.',
  },
  POSTGRES_INCREMENTAL_INVALID: {
    kind: 'corrupt',
    message: 'The incremental file {path} is not well formed: {reason}',
    hint: 'Nothing was stored as a snapshot. Take a full backup: holdfast backup --full',
  },
  POSTGRES_MANIFEST_INVALID: {
    kind: 'corrupt',
    message: 'The backup manifest is damaged: {reason}',
    hint: 'Run the command again; when it is the manifest of the parent: holdfast backup --full',
  },
  POSTGRES_MANIFEST_MISMATCH: {
    kind: 'corrupt',
    message: 'What was received differs from the manifest of the server: {path}: {reason}',
    hint: 'Nothing was stored as a snapshot. Run the command again; if it repeats, test the network and memory of this machine.',
  },
  // Servers we run
  POSTGRES_BINARIES_ABSENT: {
    kind: 'absent',
    message: 'No PostgreSQL {major} server programs were found (looked in {looked}).',
    hint: 'Install them, for example: apt-get install postgresql-{major}; or put the directory with postgres and initdb of version {major} on PATH.',
  },
  POSTGRES_BINARIES_MISMATCH: {
    kind: 'usage',
    message: '{dataDir} is of PostgreSQL {found}, and the server programs are version {version}.',
    hint: 'Install the server programs of PostgreSQL {found}, for example: apt-get install postgresql-{found}.',
  },
  POSTGRES_NO_SERVER_USER: {
    kind: 'denied',
    message:
      'PostgreSQL refuses to run as root, and there is no user postgres or nobody to run it as.',
    hint: 'Create one with useradd --system postgres, or run holdfast as an unprivileged user.',
  },
  POSTGRES_NOT_A_DATA_DIRECTORY: {
    kind: 'usage',
    message: '{dataDir} is not a PostgreSQL data directory: {reason}',
    hint: 'Name the directory that holds PG_VERSION, or restore one with holdfast restore.',
  },
  POSTGRES_SERVER_RUNNING: {
    kind: 'conflict',
    message: 'A PostgreSQL server (process {pid}) is running on {dataDir}.',
    hint: 'Choose another directory, or stop that server first: pg_ctl stop -D {dataDir}',
  },
  POSTGRES_INITDB_FAILED: {
    kind: 'usage',
    message: 'initdb could not create a cluster in {dataDir}: {reason}',
    hint: 'Name an empty directory that the user of the server may write, then run the command again.',
  },
  POSTGRES_SERVER_FAILED: {
    kind: 'unproven',
    message: 'PostgreSQL on {dataDir} did not start: {reason}',
    hint: 'Correct what the reason names (a missing extension library, too small memory, a wrong setting), then run the command again.',
  },
  POSTGRES_TARGET_NOT_REACHED: {
    kind: 'unproven',
    message:
      'Recovery of {dataDir} ended before its target: the log it was given holds nothing at or beyond it.',
    hint: 'Run holdfast window to see what can be restored, and choose a target inside it.',
  },
  POSTGRES_CONTROL_FILE_ABSENT: {
    kind: 'absent',
    message: '{path} is not there: this is no complete data directory.',
    hint: 'A restore writes that file last, so one that ended early leaves none. Bring it back into another, empty directory: holdfast restore <source> --to <directory>',
  },
  POSTGRES_CONTROL_FILE_UNREADABLE: {
    kind: 'denied',
    message: '{path} may not be read: {reason}',
    hint: 'Run the command as the user that owns the data directory, or as root.',
  },
  POSTGRES_CONTROL_FILE_TORN: {
    kind: 'transient',
    message: 'The server sent a pg_control that is not valid: {reason}',
    hint: 'It was being written just then: run the command again. If it repeats, the control file of the server itself is damaged; its log says so when it next starts.',
  },
  POSTGRES_CONTROL_FILE_INVALID: {
    kind: 'corrupt',
    message: '{path} is not a valid pg_control: {reason}',
    hint: 'If a server is running there, run the command again (the file was being written); otherwise restore it from another snapshot.',
  },
  POSTGRES_CHECK_EXTENSION: {
    kind: 'unproven',
    message: 'The extension {name} cannot be used in database {database}: {reason}',
    hint: 'Install the contrib modules of the server (Debian has them in the server package, Red Hat in postgresql-contrib); a server still in recovery must be promoted first.',
  },
} as const satisfies Record<string, CatalogueEntry>;
