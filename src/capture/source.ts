import {
  type ConnectOptions,
  connect,
  type WantedRole,
} from '../engines/postgres/protocol/connect.ts';
import type { Connection } from '../engines/postgres/protocol/connection.ts';

/** How to reach a cluster, less what each session decides for itself. */
export type Reach = Omit<ConnectOptions, 'replication' | 'applicationName' | 'signal'>;

/** A PostgreSQL cluster to protect: its name here and how to open sessions with it. */
export interface PostgresSource {
  /** As in holdfast.yaml; part of every lineage's identity. */
  readonly name: string;
  /** Reads the secrets it needs, each time anew. */
  reach(purpose: { readonly physical: boolean }): Promise<Reach>;
}

export interface SessionRequest {
  /** `true`: physical replication commands; `'database'`: those and SQL. */
  readonly replication?: true | 'database';
  readonly applicationName: string;
  /** The source's own preference when absent. */
  readonly role?: WantedRole;
  readonly signal?: AbortSignal | undefined;
}

export async function openSession(
  source: PostgresSource,
  request: SessionRequest,
): Promise<Connection> {
  const { replication, role, applicationName, signal } = request;
  const reach = await source.reach({ physical: replication === true });
  return await connect({
    ...reach,
    applicationName,
    signal,
    ...(role !== undefined && { wantedRole: role }),
    ...(replication !== undefined && { replication }),
  });
}
