/** Server settings by name; the order is kept on the command line. */
export type Settings = Readonly<Record<string, string>>;

/** At most one of these may be set; PostgreSQL checks it at every assignment, in order. */
const RECOVERY_TARGETS = [
  'recovery_target',
  'recovery_target_lsn',
  'recovery_target_name',
  'recovery_target_time',
  'recovery_target_xid',
] as const;

/**
 * Overrides that keep a restored server from reaching production, whatever its own configuration
 * says. Given on the command line, which beats postgresql.conf, postgresql.auto.conf and ALTER
 * DATABASE. They come first: what the caller adds, such as its recovery target, follows.
 */
export function isolationSettings(options: {
  readonly major: number;
  readonly dataDir: string;
  /** Holds our pg_hba.conf and pg_ident.conf. */
  readonly runDir: string;
}): Settings {
  const { major, dataDir, runDir } = options;
  return {
    data_directory: dataDir,
    hba_file: `${runDir}/pg_hba.conf`,
    ident_file: `${runDir}/pg_ident.conf`,
    external_pid_file: '',
    unix_socket_group: '',
    ssl: 'off',
    archive_mode: 'off',
    archive_command: '',
    ...(major >= 15 && { archive_library: '' }),
    archive_cleanup_command: '',
    recovery_end_command: '',
    restore_command: '',
    primary_conninfo: '',
    primary_slot_name: '',
    synchronous_standby_names: '',
    ...Object.fromEntries(RECOVERY_TARGETS.map((name) => [name, ''])),
    recovery_target_timeline: 'latest',
    recovery_target_inclusive: 'on',
    recovery_target_action: 'pause',
    recovery_min_apply_delay: '0',
    ...(major <= 15 && { promote_trigger_file: '' }),
    ...(major >= 17 && { sync_replication_slots: 'off', synchronized_standby_slots: '' }),
    hot_standby: 'on',
    max_logical_replication_workers: '0',
    // pg_cron reads this; to a server without it, it is a name like any other.
    'cron.launch_active_jobs': 'off',
    huge_pages: 'try',
    log_destination: 'stderr',
    log_min_messages: 'warning',
    log_statement: 'none',
    log_min_duration_statement: '-1',
  };
}
