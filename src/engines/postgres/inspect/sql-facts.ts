import { type Instant, parseInstant } from '../../../content/instant.ts';
import { type Lsn, lsn, parseLsn } from '../lsn.ts';
import type { Connection } from '../protocol/connection.ts';
import type {
  ArchiverFacts,
  ControlFacts,
  DatabaseFacts,
  RoleFacts,
  SlotFacts,
  SummarizerFacts,
  SummaryRange,
  TablespaceFacts,
} from './inspection.ts';

type Row = readonly (string | null)[];
type Signal = AbortSignal | undefined;

async function rows(connection: Connection, sql: string, signal: Signal): Promise<readonly Row[]> {
  const [set] = await connection.query(sql, { signal });
  return set?.rows ?? [];
}

const known = (value: string | null | undefined): string | undefined => value ?? undefined;
const number = (value: string | null | undefined): number | undefined =>
  value === null || value === undefined ? undefined : Number(value);
const position = (value: string | null | undefined): Lsn | undefined =>
  value ? parseLsn(value) : undefined;

/** In UTC whatever TimeZone and DateStyle say. */
const utc = (expression: string): string =>
  `to_char(${expression} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`;

export async function readClock(connection: Connection, signal: Signal): Promise<Instant> {
  const [row] = await rows(connection, `SELECT ${utc('clock_timestamp()')}`, signal);
  return parseInstant(row?.[0] ?? '');
}

export async function readRole(connection: Connection, signal: Signal): Promise<RoleFacts> {
  const [row] = await rows(
    connection,
    `SELECT rolname, rolsuper, rolreplication, pg_has_role('pg_monitor', 'USAGE')
       FROM pg_catalog.pg_roles WHERE rolname = current_user`,
    signal,
  );
  const [name, superuser, replication, monitor] = row ?? [];
  return {
    name: name ?? connection.peer.user,
    superuser: superuser === 't',
    replication: replication === 't' || superuser === 't',
    monitor: monitor === 't',
  };
}

/** Sizes only where allowed: CREATE on the tablespace, or pg_read_all_stats. */
export async function readTablespaces(
  connection: Connection,
  signal: Signal,
): Promise<TablespaceFacts[]> {
  const found = await rows(
    connection,
    `SELECT oid, spcname, pg_tablespace_location(oid),
            CASE WHEN pg_has_role('pg_read_all_stats', 'USAGE')
                   OR has_tablespace_privilege(oid, 'CREATE')
                 THEN pg_tablespace_size(oid) END
       FROM pg_catalog.pg_tablespace
      WHERE spcname NOT IN ('pg_default', 'pg_global') ORDER BY oid`,
    signal,
  );
  return found.map(([oid, name, location, size]) => ({
    oid: Number(oid),
    name: name ?? '',
    location: location ?? '',
    size: number(size),
  }));
}

export async function readDatabases(
  connection: Connection,
  signal: Signal,
): Promise<DatabaseFacts[]> {
  const found = await rows(
    connection,
    `SELECT oid, datname,
            CASE WHEN pg_has_role('pg_read_all_stats', 'USAGE')
                   OR has_database_privilege(oid, 'CONNECT')
                 THEN pg_database_size(oid) END,
            datistemplate, datallowconn
       FROM pg_catalog.pg_database ORDER BY datname`,
    signal,
  );
  return found.map(([oid, name, size, template, connectable]) => ({
    oid: Number(oid),
    name: name ?? '',
    size: number(size),
    template: template === 't',
    connectable: connectable === 't',
  }));
}

export async function readSlots(
  connection: Connection,
  written: Lsn,
  signal: Signal,
): Promise<SlotFacts[]> {
  const found = await rows(
    connection,
    `SELECT slot_name, slot_type, active, temporary, restart_lsn, wal_status, safe_wal_size
       FROM pg_catalog.pg_replication_slots ORDER BY slot_name`,
    signal,
  );
  return found.map(([name, type, active, temporary, restart, walStatus, safe]) => {
    const restartLsn = position(restart);
    return {
      name: name ?? '',
      type: type === 'logical' ? 'logical' : 'physical',
      active: active === 't',
      temporary: temporary === 't',
      restartLsn,
      walStatus: known(walStatus),
      safeWalSize: number(safe),
      retainedBytes:
        restartLsn === undefined ? undefined : Math.max(0, Number(written - restartLsn)),
    };
  });
}

export async function readArchiver(connection: Connection, signal: Signal): Promise<ArchiverFacts> {
  const [row] = await rows(
    connection,
    `SELECT last_archived_wal, last_failed_wal,
            last_failed_time > coalesce(last_archived_time, '-infinity')
       FROM pg_catalog.pg_stat_archiver`,
    signal,
  );
  return {
    lastArchived: known(row?.[0]),
    lastFailed: known(row?.[1]),
    failing: row?.[2] === 't',
  };
}

export async function readSummarizer(
  connection: Connection,
  signal: Signal,
): Promise<SummarizerFacts> {
  const [state] = await rows(
    connection,
    'SELECT summarized_tli, summarized_lsn, summarizer_pid FROM pg_get_wal_summarizer_state()',
    signal,
  );
  const summaries = await rows(
    connection,
    'SELECT tli, start_lsn, end_lsn FROM pg_available_wal_summaries() ORDER BY tli, start_lsn',
    signal,
  );
  return {
    timeline: Number(state?.[0] ?? 0),
    summarizedLsn: position(state?.[1]) ?? lsn(0n),
    running: state?.[2] !== null && state?.[2] !== undefined,
    covered: joinRanges(
      summaries.map(([timeline, start, end]) => ({
        timeline: Number(timeline),
        start: parseLsn(start ?? ''),
        end: parseLsn(end ?? ''),
      })),
    ),
  };
}

/** Summaries that touch or overlap become one range; sorted by timeline and start. */
function joinRanges(ranges: readonly SummaryRange[]): SummaryRange[] {
  const joined: SummaryRange[] = [];
  for (const range of ranges) {
    const last = joined.at(-1);
    if (last && last.timeline === range.timeline && range.start <= last.end) {
      joined[joined.length - 1] = { ...last, end: range.end > last.end ? range.end : last.end };
    } else joined.push(range);
  }
  return joined;
}

export async function readControl(connection: Connection, signal: Signal): Promise<ControlFacts> {
  const [row] = await rows(
    connection,
    `SELECT s.pg_control_version, s.catalog_version_no, c.checkpoint_lsn, c.redo_lsn,
            c.timeline_id, ${utc('c.checkpoint_time')}
       FROM pg_control_system() s, pg_control_checkpoint() c`,
    signal,
  );
  const [controlVersion, catalogVersion, checkpoint, redo, timeline, at] = row ?? [];
  return {
    controlVersion: Number(controlVersion),
    catalogVersion: Number(catalogVersion),
    checkpointLsn: parseLsn(checkpoint ?? ''),
    redoLsn: parseLsn(redo ?? ''),
    checkpointTimeline: Number(timeline),
    checkpointAt: parseInstant(at ?? ''),
  };
}
