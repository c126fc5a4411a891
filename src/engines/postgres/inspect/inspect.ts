import { HoldfastError, isHoldfastError } from '../../../errors/holdfast-error.ts';
import { parseLsn } from '../lsn.ts';
import type { Connection } from '../protocol/connection.ts';
import { fetchTimelineHistory, identifySystem, show } from '../protocol/replication.ts';
import { parseTimelineHistory, type TimelineHistory } from '../wal/timeline-history.ts';
import { hazardsOf } from './hazards.ts';
import { type Inspection, SETTINGS, type UnknownFact } from './inspection.ts';
import {
  readArchiver,
  readClock,
  readControl,
  readDatabases,
  readRole,
  readSlots,
  readSummarizer,
  readTablespaces,
} from './sql-facts.ts';

export interface InspectOptions {
  /** A replication session; one with a database serves as `sql` too. */
  readonly replication?: Connection | undefined;
  readonly sql?: Connection | undefined;
  readonly signal?: AbortSignal | undefined;
}

type Facts = Omit<Inspection, 'hazards'>;

/** Reads everything the given sessions may read; at least one must be given. */
export async function inspect(options: InspectOptions): Promise<Inspection> {
  const { replication, signal } = options;
  const sql = options.sql ?? (replication?.mode === 'database' ? replication : undefined);
  const any = sql ?? replication;
  if (!any) throw new HoldfastError('INTERNAL', { reason: 'inspect was given no session' });
  const unknown: UnknownFact[] = [];

  /** A fact that may be forbidden: that is news, not a failure. */
  const attempt = async <Fact>(
    fact: string,
    read: (connection: Connection) => Promise<Fact>,
  ): Promise<Fact | undefined> => {
    if (!sql) {
      unknown.push({
        fact,
        reason: 'only a physical replication session was at hand',
        fix: ALLOW_SQL,
      });
      return undefined;
    }
    try {
      return await read(sql);
    } catch (error) {
      if (!isHoldfastError(error, 'POSTGRES_PRIVILEGE')) throw error;
      unknown.push({ fact, reason: String(error.facts.reason), fix: grantMonitor(any) });
      return undefined;
    }
  };

  const settings = await readSettings({ connection: any, unknown, signal });
  const place = await readPlace({ replication, sql, signal });
  const history = await readHistory({ replication, timeline: place.timeline, unknown, signal });
  const facts: Facts = {
    address: any.peer.address,
    ...place,
    serverVersionNum: any.serverVersionNum,
    serverVersion: any.parameters.get('server_version') ?? '',
    inRecovery: any.parameters.get('in_hot_standby') === 'on',
    history,
    blockSize: Number(settings.block_size),
    walSegmentSize: bytesOf(settings.wal_segment_size ?? ''),
    dataChecksums: settings.data_checksums === 'on',
    settings,
    clock: await attempt('clock', (connection) => readClock(connection, signal)),
    role: await attempt('role', (connection) => readRole(connection, signal)),
    tablespaces: await attempt('tablespaces', (connection) => readTablespaces(connection, signal)),
    databases: await attempt('databases', (connection) => readDatabases(connection, signal)),
    slots: await attempt('slots', (connection) => readSlots(connection, place.position, signal)),
    archiver: await attempt('archiver', (connection) => readArchiver(connection, signal)),
    summarizer:
      any.serverVersionNum < 170_000
        ? undefined
        : await attempt('summarizer', (connection) => readSummarizer(connection, signal)),
    control: await attempt('control file', (connection) => readControl(connection, signal)),
    unknown,
  };
  return { ...facts, hazards: hazardsOf(facts) };
}

const ALLOW_SQL =
  'Let the role connect to a database too: a line for that database beside the one for replication in pg_hba.conf.';

const grantMonitor = (connection: Connection): string =>
  `GRANT pg_monitor TO "${connection.peer.user}";`;

async function readPlace(
  options: InspectOptions,
): Promise<Pick<Inspection, 'systemIdentifier' | 'timeline' | 'position'>> {
  const { replication, sql, signal } = options;
  if (replication) return await identifySystem(replication, { signal });
  const [set] = await sql!.query(
    `SELECT s.system_identifier,
            CASE WHEN pg_is_in_recovery() THEN greatest(r.min_recovery_end_timeline, c.timeline_id)
                 ELSE ('x' || left(pg_walfile_name(pg_current_wal_flush_lsn()), 8))::bit(32)::int END,
            CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn()
                 ELSE pg_current_wal_flush_lsn() END
       FROM pg_control_system() s, pg_control_checkpoint() c, pg_control_recovery() r`,
    { signal },
  );
  const [systemIdentifier, timeline, position] = set?.rows[0] ?? [];
  return {
    systemIdentifier: systemIdentifier ?? '',
    timeline: Number(timeline),
    position: parseLsn(position ?? '0/0'),
  };
}

async function readHistory(options: {
  readonly replication: Connection | undefined;
  readonly timeline: number;
  readonly unknown: UnknownFact[];
  readonly signal: AbortSignal | undefined;
}): Promise<TimelineHistory | undefined> {
  const { replication, timeline, signal } = options;
  if (timeline === 1) return { timeline, ancestors: [] };
  if (replication) {
    const { bytes } = await fetchTimelineHistory(replication, timeline, { signal });
    return parseTimelineHistory(timeline, bytes);
  }
  options.unknown.push({
    fact: 'timeline history',
    reason: 'only a replication session can read it',
    fix: 'Give the role REPLICATION and a line for replication in pg_hba.conf.',
  });
  return undefined;
}

/** SHOW works in every kind of session; unknown names are settings of other versions. */
async function readSettings(options: {
  readonly connection: Connection;
  readonly unknown: UnknownFact[];
  readonly signal: AbortSignal | undefined;
}): Promise<Readonly<Record<string, string>>> {
  const { connection, unknown, signal } = options;
  const settings: Record<string, string> = {};
  for (const name of SETTINGS) {
    try {
      settings[name] = await show(connection, name, { signal });
    } catch (error) {
      if (isHoldfastError(error, 'POSTGRES_OBJECT_ABSENT')) continue;
      if (!isHoldfastError(error, 'POSTGRES_PRIVILEGE')) throw error;
      const reason = String(error.facts.reason);
      unknown.push({ fact: `setting ${name}`, reason, fix: grantMonitor(connection) });
    }
  }
  return settings;
}

const UNITS: Readonly<Record<string, number>> = { B: 1, kB: 1024, MB: 1024 ** 2, GB: 1024 ** 3 };

/** `16MB` → 16777216, as SHOW spells sizes. */
export function bytesOf(text: string): number {
  const match = /^(\d+)\s*(B|kB|MB|GB)?$/.exec(text);
  return match ? Number(match[1]) * UNITS[match[2] ?? 'B']! : Number.NaN;
}
