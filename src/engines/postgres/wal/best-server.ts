import { isHoldfastError } from '../../../errors/holdfast-error.ts';
import type { Host } from '../../../host/host.ts';
import { type ConnectOptions, connect } from '../protocol/connect.ts';
import type { Connection } from '../protocol/connection.ts';
import { identifyServer, type SourceServer } from './source-server.ts';

export type SourceHosts = Omit<ConnectOptions, 'replication' | 'signal' | 'wantedRole'>;

export interface OpenedServer {
  readonly connection: Connection;
  readonly server: SourceServer;
  /** Every host answered, so that no better server can appear by waiting. */
  readonly complete: boolean;
}

/** Once a primary answered, how long the other hosts are waited for. */
const PATIENCE_MS = 1_000;

/**
 * A replication session with the right one of several hosts: a primary rather than a standby, and
 * of two primaries the one on the newer timeline, since the other was left behind by a failover.
 */
export async function openBestServer(options: {
  readonly host: Pick<Host, 'clock'>;
  readonly source: SourceHosts;
  readonly replication: true | 'database';
  readonly signal?: AbortSignal | undefined;
}): Promise<OpenedServer> {
  const { source, replication, signal } = options;
  const { otherHosts = [], ...first } = source;
  const hosts = [first, ...otherHosts.map((address) => ({ ...first, ...address }))];
  const found: Omit<OpenedServer, 'complete'>[] = [];
  const errors: unknown[] = [];
  const enough = Promise.withResolvers<void>();
  const late = new AbortController();
  const each = hosts.map(async (address) => {
    try {
      const giveUp = signal ? AbortSignal.any([signal, late.signal]) : late.signal;
      const connection = await connect({ ...address, replication, signal: giveUp });
      try {
        const server = await identifyServer(connection, giveUp);
        found.push({ connection, server });
        if (!server.standby) enough.resolve();
      } catch (error) {
        connection.destroy();
        throw error;
      }
    } catch (error) {
      errors.push(error);
    }
  });
  const all = Promise.all(each);
  const patience = enough.promise.then(() =>
    options.host.clock.sleep(PATIENCE_MS, late.signal).catch(() => undefined),
  );
  await Promise.race([all, patience]);
  const complete = found.length === hosts.length;
  late.abort(new Error('another host was chosen'));
  await all;
  enough.resolve();
  const [best, ...others] = found.sort((a, b) => (isBetter(a.server, b.server) ? -1 : 1));
  for (const { connection } of others) connection.destroy();
  signal?.throwIfAborted();
  if (!best) throw errors.find(isTransient) ?? errors[0];
  return { ...best, complete };
}

function isBetter(a: SourceServer, b: SourceServer): boolean {
  if (a.standby !== b.standby) return !a.standby;
  if (a.timeline !== b.timeline) return a.timeline > b.timeline;
  return a.flushed > b.flushed;
}

/** One host that may come back outweighs another that refuses. */
const isTransient = (error: unknown): boolean =>
  isHoldfastError(error) && error.kind === 'transient';
