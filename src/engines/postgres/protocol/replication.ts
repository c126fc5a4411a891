import { HoldfastError } from '../../../errors/holdfast-error.ts';
import { type Lsn, parseLsn } from '../lsn.ts';
import type { CallOptions, Connection } from './connection.ts';

/** The answer to IDENTIFY_SYSTEM. */
export interface SystemIdentity {
  readonly systemIdentifier: string;
  readonly timeline: number;
  /** Flushed (primary) or received and replayed (standby) up to here. */
  readonly position: Lsn;
}

/** Needs a replication session. */
export async function identifySystem(
  connection: Connection,
  options: CallOptions = {},
): Promise<SystemIdentity> {
  const [set] = await connection.query('IDENTIFY_SYSTEM', options);
  const [systemIdentifier, timeline, position] = set?.rows[0] ?? [];
  if (!systemIdentifier || !timeline || !position) {
    throw new HoldfastError('POSTGRES_PROTOCOL', { reason: 'IDENTIFY_SYSTEM answered nothing' });
  }
  return { systemIdentifier, timeline: Number(timeline), position: parseLsn(position) };
}

/** The raw history file of a timeline above 1. Needs a replication session. */
export async function fetchTimelineHistory(
  connection: Connection,
  timeline: number,
  options: CallOptions = {},
): Promise<{ readonly name: string; readonly bytes: Buffer }> {
  const [set] = await connection.queryRaw(`TIMELINE_HISTORY ${timeline}`, options);
  const [name, bytes] = set?.rows[0] ?? [];
  if (!name || !bytes) {
    throw new HoldfastError('POSTGRES_PROTOCOL', { reason: 'TIMELINE_HISTORY answered nothing' });
  }
  return { name: name.toString('utf8'), bytes };
}

/** A setting, as SHOW spells it; any kind of session. */
export async function show(
  connection: Connection,
  setting: string,
  options: CallOptions = {},
): Promise<string> {
  const [set] = await connection.query(`SHOW ${setting}`, options);
  return set?.rows[0]?.[0] ?? '';
}
