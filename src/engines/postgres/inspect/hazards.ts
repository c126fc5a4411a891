import { isAbsolute, relative } from 'node:path';
import type { Hazard, Inspection } from './inspection.ts';

type Facts = Omit<Inspection, 'hazards'>;
type Rule = (facts: Facts) => Hazard | readonly Hazard[] | undefined;

/** Everything about a server that endangers its backups or that its owner should know. */
export function hazardsOf(facts: Facts): readonly Hazard[] {
  return RULES.flatMap((rule) => rule(facts) ?? []);
}

const RETAINED_WARNING = 16 * 1024 ** 3;

const RULES: readonly Rule[] = [
  ({ serverVersionNum, serverVersion }) =>
    serverVersionNum >= 140_000 && serverVersionNum < 190_000
      ? undefined
      : {
          code: 'VERSION_UNSUPPORTED',
          severity: 'blocker',
          message: `PostgreSQL ${serverVersion} is not one of 14 to 18.`,
          fix: 'Upgrade the server, or use a release of holdfast that knows that version.',
        },
  ({ blockSize }) =>
    blockSize === 8192
      ? undefined
      : {
          code: 'BLOCK_SIZE',
          severity: 'blocker',
          message: `The server was built with pages of ${blockSize} bytes; holdfast knows 8192.`,
          fix: 'Use a server built with the default block size.',
        },
  ({ settings }) =>
    settings.wal_level === 'minimal'
      ? {
          code: 'WAL_LEVEL_MINIMAL',
          severity: 'blocker',
          message: 'wal_level is minimal: neither backup nor log following is possible.',
          fix: 'ALTER SYSTEM SET wal_level = replica; then restart the server.',
        }
      : undefined,
  ({ settings }) =>
    Number(settings.max_wal_senders) < 3
      ? {
          code: 'WAL_SENDERS',
          severity: Number(settings.max_wal_senders) === 0 ? 'blocker' : 'warning',
          message: `max_wal_senders is ${settings.max_wal_senders}; a backup beside a follower takes 3.`,
          fix: 'ALTER SYSTEM SET max_wal_senders = 10; then restart the server.',
        }
      : undefined,
  ({ role }) =>
    role && !role.replication
      ? {
          code: 'ROLE_WITHOUT_REPLICATION',
          severity: 'blocker',
          message: `The role ${role.name} may not replicate.`,
          fix: `ALTER ROLE "${role.name}" REPLICATION;`,
        }
      : undefined,
  ({ settings, inRecovery }) =>
    settings.full_page_writes === 'off'
      ? {
          code: 'FULL_PAGE_WRITES_OFF',
          severity: inRecovery ? 'blocker' : 'warning',
          message:
            'full_page_writes is off: a crash may tear pages, and standbys cannot be backed up.',
          fix: 'ALTER SYSTEM SET full_page_writes = on; SELECT pg_reload_conf();',
        }
      : undefined,
  ({ settings }) =>
    settings.fsync === 'off'
      ? {
          code: 'FSYNC_OFF',
          severity: 'warning',
          message: 'fsync is off: a crash of the machine may destroy the cluster beyond repair.',
          fix: 'ALTER SYSTEM SET fsync = on; SELECT pg_reload_conf();',
        }
      : undefined,
  ({ dataChecksums }) =>
    dataChecksums
      ? undefined
      : {
          code: 'CHECKSUMS_OFF',
          severity: 'note',
          message: 'Page checksums are off: pages damaged by storage are captured unnoticed.',
          fix: 'Stop the server cleanly, run pg_checksums --enable, start it, take a full backup.',
        },
  ({ settings }) =>
    settings.summarize_wal === 'off'
      ? {
          code: 'SUMMARIES_OFF',
          severity: 'note',
          message: 'summarize_wal is off: each incremental backup reads the whole cluster.',
          fix: 'ALTER SYSTEM SET summarize_wal = on; SELECT pg_reload_conf();',
        }
      : undefined,
  ({ settings, summarizer }) =>
    settings.summarize_wal === 'on' && summarizer && !summarizer.running
      ? {
          code: 'SUMMARIZER_STOPPED',
          severity: 'warning',
          message: 'summarize_wal is on but its process is not running; WAL accumulates in pg_wal.',
          fix: 'Read the server log for the reason; until then backups read the whole cluster.',
        }
      : undefined,
  ({ serverVersionNum: version }) =>
    (version >= 170_000 && version < 170_008) || (version >= 180_000 && version < 180_002)
      ? {
          code: 'INCREMENTAL_TRUNCATION_BUG',
          severity: 'note',
          message:
            'This minor version writes incremental files of truncated relations above 1 GiB that pg_combinebackup refuses; holdfast corrects them.',
          fix: 'Update to the newest minor version.',
        }
      : undefined,
  ({ settings, slots }) =>
    settings.max_slot_wal_keep_size === '-1' && slots?.some((slot) => !slot.temporary)
      ? {
          code: 'SLOT_RETENTION_UNLIMITED',
          severity: 'warning',
          message:
            'max_slot_wal_keep_size is unlimited: an abandoned slot fills the volume of pg_wal.',
          fix: "ALTER SYSTEM SET max_slot_wal_keep_size = '64GB'; SELECT pg_reload_conf();",
        }
      : undefined,
  ({ settings }) =>
    settings.idle_replication_slot_timeout && settings.idle_replication_slot_timeout !== '0'
      ? {
          code: 'SLOT_IDLE_TIMEOUT',
          severity: 'warning',
          message: `idle_replication_slot_timeout is ${settings.idle_replication_slot_timeout}: a follower stopped for that long loses its slot.`,
          fix: "ALTER SYSTEM SET idle_replication_slot_timeout = '0'; SELECT pg_reload_conf();",
        }
      : undefined,
  ({ slots }) =>
    (slots ?? []).flatMap((slot): Hazard[] => {
      const drop = `SELECT pg_drop_replication_slot('${slot.name}');`;
      if (slot.walStatus === 'lost') {
        return [
          {
            code: 'SLOT_LOST',
            severity: 'warning',
            message: `The slot ${slot.name} is lost: WAL it needed is gone.`,
            fix: `${drop} and take a new backup if a follower used it.`,
          },
        ];
      }
      if (slot.active || (slot.retainedBytes ?? 0) < RETAINED_WARNING) return [];
      const gib = ((slot.retainedBytes ?? 0) / 1024 ** 3).toFixed(1);
      return [
        {
          code: 'SLOT_RETAINS',
          severity: 'warning',
          message: `Nobody reads the slot ${slot.name}, and it keeps ${gib} GiB of WAL.`,
          fix: `Start its reader, or: ${drop}`,
        },
      ];
    }),
  ({ settings }) =>
    settings.synchronous_standby_names && settings.synchronous_commit === 'remote_apply'
      ? {
          code: 'REMOTE_APPLY',
          severity: 'warning',
          message:
            'synchronous_commit is remote_apply: a log receiver never applies, so commits that wait for it hang.',
          fix: 'ALTER SYSTEM SET synchronous_commit = on; SELECT pg_reload_conf();',
        }
      : undefined,
  ({ archiver, settings }) =>
    archiver?.failing && settings.archive_mode !== 'off'
      ? {
          code: 'ARCHIVER_FAILING',
          severity: 'warning',
          message: `Archiving of ${archiver.lastFailed} fails: WAL accumulates in pg_wal.`,
          fix: 'Repair archive_command; the server log shows what it answers.',
        }
      : undefined,
  ({ settings }) => {
    const { data_directory: data } = settings;
    const outside = ['config_file', 'hba_file', 'ident_file'].filter((name) => {
      const file = settings[name];
      const below = data && file ? relative(data, file) : '';
      return below.startsWith('..') || isAbsolute(below);
    });
    return outside.length === 0
      ? undefined
      : {
          code: 'CONFIGURATION_OUTSIDE',
          severity: 'note',
          message: `${outside.join(', ')} lie outside the data directory: a base backup does not hold them.`,
          fix: 'Back up those files with the configuration of the machine; restore writes working ones.',
        };
  },
];
