import { join } from 'node:path';
import { parseInstant } from '../content/instant.ts';
import { type Lsn, lsn } from '../engines/postgres/lsn.ts';
import type { ServerBinaries } from '../engines/postgres/server/binaries.ts';
import type { RecoveryEvent } from '../engines/postgres/server/recovery-event.ts';
import {
  type RecoveryPlan,
  recoverySettings,
} from '../engines/postgres/server/recovery-settings.ts';
import type { Server } from '../engines/postgres/server/server.ts';
import type { ServerUser } from '../engines/postgres/server/server-user.ts';
import { startServer } from '../engines/postgres/server/start-server.ts';
import type { Host } from '../host/host.ts';
import type { Phases } from './phases.ts';
import { type SpoolFile, WalSpool } from './spool/wal-spool.ts';
import type { Resolution } from './target/resolve.ts';

/** Where recovery ended, by the server's own word. */
export interface Reached {
  /** The new timeline that was opened there. */
  readonly timeline: number;
  /** The last record applied. */
  readonly lsn: Lsn;
  /** Of the last transaction that is in; undefined when none was replayed. */
  readonly time?: string;
  readonly stoppedAt: 'target' | 'covered-end';
}

const SPOOL_DIRECTORY = 'holdfast-spool';
/** Segments fetched before recovery asks: enough to hide an object store's latency. */
const AHEAD = 8;

/** Starts a server on a placed snapshot, isolated, and waits until it has recovered. */
export async function recoverServer(options: {
  readonly host: Host;
  readonly directory: string;
  readonly binaries: ServerBinaries;
  readonly user: ServerUser | undefined;
  readonly resolution: Resolution;
  readonly files: readonly SpoolFile[];
  readonly plan: Omit<RecoveryPlan, 'restoreCommand'>;
  readonly phases: Phases;
  readonly port?: number;
  readonly signal?: AbortSignal;
}): Promise<{ readonly server: Server; readonly reached: Reached }> {
  const { host, directory, binaries, user, resolution, files, plan, phases, signal } = options;
  const spool = await WalSpool.open({
    host,
    // Not in the temporary directory: that may be small, and what a kill leaves here goes with
    // the directory that has to be removed anyway.
    directory: join(directory, SPOOL_DIRECTORY),
    files,
    ahead: AHEAD,
    ...(user && { owner: user }),
  });
  try {
    const server = await phases.measure('start', () =>
      startServer({
        host,
        dataDir: directory,
        binaries,
        user,
        isolated: true,
        until: 'launched',
        settings: {
          ...recoverySettings({ ...plan, restoreCommand: spool.restoreCommand }),
          // So that recovery does not mind smaller limits than the source's, max_connections say.
          hot_standby: 'off',
        },
        sourceSettings: resolution.snapshot.document.settings,
        ...(options.port !== undefined && { port: options.port }),
        ...(signal && { signal }),
      }),
    );
    try {
      await phases.measure('replay', () => server.recovered(signal));
      return { server, reached: reachedBy(server.events, resolution) };
    } catch (error) {
      await server.stop('immediate');
      // The archive failing is why recovery failed, and what a person must hear first.
      throw spool.failure ?? error;
    }
  } finally {
    await spool.close();
  }
}

function reachedBy(events: readonly RecoveryEvent[], resolution: Resolution): Reached {
  let timeline = resolution.timeline;
  let last: Lsn = lsn(0n);
  let time: string | undefined;
  // A snapshot's own log ends at its target.
  let stoppedAt: Reached['stoppedAt'] =
    resolution.stop.kind === 'consistency' ? 'target' : 'covered-end';
  for (const event of events) {
    if (event.kind === 'new-timeline') timeline = event.timeline;
    if (event.kind === 'redo-done' || event.kind === 'consistent') last = event.at;
    if (event.kind === 'last-completed') time = event.time;
    if (event.kind === 'stopping') stoppedAt = 'target';
  }
  return { timeline, lsn: last, stoppedAt, ...(time !== undefined && { time: isoTime(time) }) };
}

/** The server logs in its log_timezone, with a zone name or an offset; only an offset is read. */
function isoTime(text: string): string {
  try {
    return new Date(parseInstant(text) / 1000).toISOString();
  } catch {
    return text;
  }
}
