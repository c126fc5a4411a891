import type { WantedRole } from '../engines/postgres/protocol/connect.ts';
import type { Connection } from '../engines/postgres/protocol/connection.ts';

/** A PostgreSQL cluster to protect: its name here and how to open sessions with it. */
export interface PostgresSource {
  /** As in holdfast.yaml; part of every lineage's identity. */
  readonly name: string;
  connect(options: SessionRequest): Promise<Connection>;
}

export interface SessionRequest {
  /** `true`: physical replication commands; `'database'`: those and SQL. */
  readonly replication?: true | 'database';
  readonly applicationName: string;
  /** The source's own preference when absent. */
  readonly role?: WantedRole;
  readonly signal?: AbortSignal;
}
