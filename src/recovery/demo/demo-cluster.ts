import { join } from 'node:path';
import type { PostgresSource } from '../../capture/source.ts';
import type { ServerBinaries } from '../../engines/postgres/server/binaries.ts';
import { findBinaries } from '../../engines/postgres/server/find-binaries.ts';
import { initdb } from '../../engines/postgres/server/initdb.ts';
import type { Server } from '../../engines/postgres/server/server.ts';
import {
  chooseServerUser,
  giveTo,
  type ServerUser,
} from '../../engines/postgres/server/server-user.ts';
import { startServer } from '../../engines/postgres/server/start-server.ts';
import type { Host } from '../../host/host.ts';

const SUPERUSER = 'postgres';
const DEMO_MAJOR = 18;

/** What a production server would have; nothing is relaxed for speed. */
const SETTINGS = {
  wal_level: 'replica',
  summarize_wal: 'on',
  max_wal_senders: '10',
  max_connections: '30',
  shared_buffers: '64MB',
  log_timezone: 'UTC',
  synchronous_commit: 'on',
};

/** The throw-away PostgreSQL that the demo destroys. */
export interface DemoCluster {
  readonly binaries: ServerBinaries;
  readonly user: ServerUser | undefined;
  readonly dataDir: string;
  readonly server: Server;
  readonly source: PostgresSource;
}

export async function startDemoCluster(options: {
  readonly host: Host;
  /** Empty; the cluster goes into a folder of it. */
  readonly directory: string;
}): Promise<DemoCluster> {
  const { host, directory } = options;
  const dataDir = join(directory, 'production');
  const user = await chooseServerUser({ host });
  const binaries = await findBinaries({ host, major: DEMO_MAJOR, user });
  await host.fs.promises.mkdir(dataDir, { mode: 0o700 });
  await giveTo({ host, path: dataDir, user });
  await initdb({ binaries, dataDir, user, superuser: SUPERUSER });
  const allow = 'local all all trust\nlocal replication all trust\n';
  await host.fs.promises.writeFile(join(dataDir, 'pg_hba.conf'), allow);
  const settings = SETTINGS;
  const server = await startServer({ host, dataDir, binaries, user, settings, isolated: false });
  return { binaries, user, dataDir, server, source: sourceOf('demo', server) };
}

/** A running server as a source, over its own socket. */
export function sourceOf(name: string, server: Server, database = 'postgres'): PostgresSource {
  return {
    name,
    reach: async () => ({
      host: server.socketDir,
      port: server.port,
      user: SUPERUSER,
      database,
      tls: { mode: 'disable' },
    }),
  };
}
