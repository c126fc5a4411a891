import { formatLsn } from '../engines/postgres/lsn.ts';
import type { Connection } from '../engines/postgres/protocol/connection.ts';
import { identifySystem } from '../engines/postgres/protocol/replication.ts';
import { HoldfastError, isHoldfastError } from '../errors/holdfast-error.ts';
import type { Random } from '../host/random.ts';
import { openSession, type PostgresSource } from './source.ts';

export interface RetainedLog {
  /** The true cause, should the failure of the backup be that the server kept its log no longer. */
  explain(error: unknown): Promise<unknown>;
}

/**
 * Makes the server keep its log from now on, for as long as this session lives: a temporary
 * physical slot that reserves WAL, created before the base backup begins. Without it the log of a
 * long backup is recycled before it ends, and the backup with it.
 *
 * `CREATE_REPLICATION_SLOT … RESERVE_WAL` is the spelling that 14 to 18 all take.
 */
export async function retainLog(options: {
  readonly source: PostgresSource;
  /** A replication session that stays open until the log is stored. */
  readonly connection: Connection;
  readonly random: Random;
  readonly signal?: AbortSignal | undefined;
}): Promise<RetainedLog> {
  const { connection, random, signal } = options;
  const name = `holdfast_backup_${random.bytes(6).toString('hex')}`;
  const { position: from } = await identifySystem(connection, { signal });
  await connection.query(`CREATE_REPLICATION_SLOT ${name} TEMPORARY PHYSICAL RESERVE_WAL`);
  return {
    explain: async (error) => {
      if (!isHoldfastError(error) || !LOST.has(error.code)) return error;
      try {
        await using asked = await openSession(options.source, {
          replication: 'database',
          applicationName: 'holdfast_backup',
          signal,
        });
        const { address } = asked.peer;
        if (address !== connection.peer.address) return error;
        const [sets] = await asked.query(
          "SELECT setting FROM pg_settings WHERE name = 'max_slot_wal_keep_size'",
        );
        const limit = Number(sets?.rows[0]?.[0] ?? -1);
        const { position: to } = await identifySystem(asked, { signal });
        const written = Math.ceil(Number(to - from) / MIB);
        if (limit < 0 || written < limit) return error;
        const facts = { address, limit, written, from: formatLsn(from) };
        return new HoldfastError('CAPTURE_LOG_NOT_KEPT', facts, { cause: error });
      } catch {
        return error;
      }
    },
  };
}

/** How the end of the slot shows: the server ends the session that holds it, or misses the log. */
const LOST: ReadonlySet<string> = new Set(['POSTGRES_SHUTTING_DOWN', 'POSTGRES_WAL_REMOVED']);

/** The unit of max_slot_wal_keep_size. */
const MIB = 1024 * 1024;
