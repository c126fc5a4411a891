import type { Connection } from '../engines/postgres/protocol/connection.ts';
import type { Random } from '../host/random.ts';

/**
 * Makes the server keep its log from now on, for as long as this session lives: a temporary
 * physical slot that reserves WAL, created before the base backup begins. Without it the log of a
 * long backup is recycled before it ends, and the backup with it.
 *
 * `CREATE_REPLICATION_SLOT … RESERVE_WAL` is the spelling that 14 to 18 all take.
 */
export async function retainLog(options: {
  /** A replication session that stays open until the log is stored. */
  readonly connection: Connection;
  readonly random: Random;
}): Promise<void> {
  const name = `holdfast_backup_${options.random.bytes(6).toString('hex')}`;
  await options.connection.query(`CREATE_REPLICATION_SLOT ${name} TEMPORARY PHYSICAL RESERVE_WAL`);
}
