import type { TestPostgres } from '../../../../../test/support/postgres.ts';
import { connect } from '../../protocol/connect.ts';
import type { Connection } from '../../protocol/connection.ts';
import { type CapturedBackup, captureBaseBackup } from '../base-backup.ts';
import { MemorySnapshot, type Pressure } from './memory-snapshot.ts';

export interface Taken {
  readonly sink: MemorySnapshot;
  readonly backup: CapturedBackup;
}

/** A physical replication session over TCP. */
export async function replication(server: TestPostgres): Promise<Connection> {
  return await connect({
    host: server.host,
    port: server.port,
    user: server.superuser,
    password: server.password,
    replication: true,
    applicationName: 'capture test',
  });
}

/** A snapshot in memory; native incremental when a parent is given. */
export async function take(
  server: TestPostgres,
  options: {
    readonly parent?: Taken;
    readonly pressure?: Pressure;
    readonly checkpoint?: 'fast' | 'spread';
    readonly label?: string;
  } = {},
): Promise<Taken> {
  const { parent, pressure, checkpoint = 'fast', label = 'test' } = options;
  await using connection = await replication(server);
  await using sql = await server.connect();
  const sink = new MemorySnapshot({
    ...(parent ? { parent: parent.sink } : {}),
    ...(pressure ? { pressure } : {}),
  });
  const backup = await captureBaseBackup({
    connection,
    sink,
    label,
    checkpoint,
    ...(parent ? { parent: { manifest: parent.backup.manifest, sql } } : {}),
  });
  return { sink, backup };
}

/** Each statement in a transaction of its own, as VACUUM and CREATE DATABASE demand. */
export async function each(server: TestPostgres, ...statements: string[]): Promise<void> {
  for (const statement of statements) await server.sql(statement);
}

export async function pathOf(server: TestPostgres, relation: string): Promise<string> {
  return await server.value(`select pg_relation_filepath('${relation}')`);
}
