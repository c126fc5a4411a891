import { HoldfastError } from '../../../errors/holdfast-error.ts';
import { formatLsn, type Lsn, lsn, parseLsn } from '../lsn.ts';
import type { Connection } from '../protocol/connection.ts';
import type { JournalPosition } from './journal-recovery.ts';

/**
 * The physical slot that makes the server keep its log until the repository holds it.
 *
 * Nothing streams through it: a stream's reported flush would become its position, and the
 * synchronous receiver reports what is durable here, not what is uploaded. It is moved by
 * pg_replication_slot_advance, which the REPLICATION attribute allows, over a session that speaks
 * both SQL and replication commands (`replication=database`).
 */
export interface SlotState {
  readonly name: string;
  /** The server keeps everything from here on; null once it does not. */
  readonly restartLsn: Lsn | null;
  /** As pg_replication_slots.wal_status: reserved, extended, unreserved, lost. */
  readonly status: string;
  /** How much may be written before the slot is in danger; null without a limit. */
  readonly safeBytes: bigint | null;
  /** The log the server keeps for it. */
  readonly retainedBytes: bigint;
  readonly server: JournalPosition;
}

function literal(name: string): string {
  if (!/^[a-z0-9_]{1,63}$/.test(name)) throw new HoldfastError('WAL_SLOT_NAME', { slot: name });
  return `'${name}'`;
}

/** Undefined when there is no such slot. */
async function readSlot(connection: Connection, name: string): Promise<SlotState | undefined> {
  const [found] = await connection.query(
    `SELECT slot_type, restart_lsn, wal_status, safe_wal_size FROM pg_replication_slots WHERE slot_name = ${literal(name)}`,
  );
  const row = found?.rows[0];
  if (!row) return undefined;
  const [type, restart, status, safe] = row;
  if (type !== 'physical') {
    throw new HoldfastError('WAL_SLOT_FOREIGN', { slot: name, address: connection.peer.address });
  }
  const [identity] = await connection.query('IDENTIFY_SYSTEM');
  const column = (wanted: string) => identity?.rows[0]?.[identity.columns.indexOf(wanted)] ?? '';
  const server = { timeline: Number(column('timeline')), lsn: parseLsn(column('xlogpos')) };
  const restartLsn = restart ? parseLsn(restart) : null;
  const retained = restartLsn === null ? 0n : server.lsn - restartLsn;
  return {
    name,
    restartLsn,
    status: status ?? 'lost',
    safeBytes: safe ? BigInt(safe) : null,
    retainedBytes: retained > 0n ? retained : 0n,
    server,
  };
}

/** Creates the slot, keeping the log from now on, unless it exists. */
export async function ensureSlot(
  connection: Connection,
  name: string,
): Promise<{ readonly created: boolean; readonly state: SlotState }> {
  const existing = await readSlot(connection, name);
  if (existing) return { created: false, state: existing };
  await connection.query(`SELECT pg_create_physical_replication_slot(${literal(name)}, true)`);
  const state = await readSlot(connection, name);
  if (!state) throw slotLost(connection, name, 'it vanished as soon as it was created');
  return { created: true, state };
}

export async function dropSlot(connection: Connection, name: string): Promise<void> {
  await connection.query(`SELECT pg_drop_replication_slot(${literal(name)})`);
}

/**
 * Lets the server remove what is uploaded; answers the slot's new position.
 *
 * A position of another timeline than the server's moves nothing: beyond a fork it would release
 * log that nobody has. Without progress the slot is still touched, or 18's
 * idle_replication_slot_timeout would invalidate it on a quiet server.
 */
export async function advanceSlot(
  connection: Connection,
  state: SlotState,
  uploaded: JournalPosition | undefined,
): Promise<Lsn> {
  if (isLost(state) || state.restartLsn === null) {
    throw slotLost(connection, state.name, `wal_status is ${state.status}`);
  }
  const wanted = uploaded?.timeline === state.server.timeline ? uploaded.lsn : lsn(0n);
  const target = wanted > state.restartLsn ? wanted : state.restartLsn;
  const position = formatLsn(target);
  const [result] = await connection.query(
    `SELECT end_lsn FROM pg_replication_slot_advance(${literal(state.name)}, '${position}')`,
  );
  return parseLsn(result?.rows[0]?.[0] ?? '');
}

export const isLost = (state: SlotState): boolean =>
  state.restartLsn === null || state.status === 'lost';

export const slotLost = (connection: Connection, slot: string, reason: string): HoldfastError =>
  new HoldfastError('WAL_SLOT_LOST', { slot, address: connection.peer.address, reason });
