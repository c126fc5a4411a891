import type { OnProgress } from '../content/progress.ts';
import { synthesiseConfiguration } from '../engines/postgres/server/configuration.ts';
import { findBinaries } from '../engines/postgres/server/find-binaries.ts';
import {
  persistSettings,
  recoverySettings,
  requestRecovery,
} from '../engines/postgres/server/recovery-settings.ts';
import type { Server } from '../engines/postgres/server/server.ts';
import { chooseServerUser } from '../engines/postgres/server/server-user.ts';
import type { Host } from '../host/host.ts';
import type { Repository } from '../repository/repository.ts';
import type { Snapshot } from '../repository/snapshots/snapshot.ts';
import type { LogState } from './log/log-state.ts';
import { readCoveredSegment } from './log/read-segment.ts';
import { Phases } from './phases.ts';
import { atDestination } from './place/destination-error.ts';
import { placeSnapshot } from './place/place-snapshot.ts';
import { logFiles } from './place/plan-log.ts';
import { prefillLog } from './place/prefill-log.ts';
import { type Reached, recoverServer } from './recover-server.ts';
import type { Resolution } from './target/resolve.ts';

export interface RestoreOptions {
  readonly host: Host;
  readonly repository: Repository;
  readonly source: string;
  readonly state: LogState;
  readonly resolution: Resolution;
  /** The one `resolution` chose. */
  readonly snapshot: Snapshot;
  readonly directory: string;
  readonly tablespaces: ReadonlyMap<string, string>;
  /** Run the server, isolated, until it has recovered. */
  readonly start: boolean;
  readonly port?: number;
  readonly workers?: number;
  readonly onProgress?: OnProgress;
  readonly signal?: AbortSignal;
}

export interface Restored {
  readonly bytes: number;
  readonly phases: Readonly<Record<string, number>>;
  /** Of `start`: recovered, running and reachable over its socket only. */
  readonly server?: Server;
  readonly reached?: Reached;
}

/** Brings a resolved target back into an empty directory. */
export async function restore(options: RestoreOptions): Promise<Restored> {
  const { host, repository, state, resolution, snapshot, directory } = options;
  const { document } = resolution.snapshot;
  const phases = new Phases(host.clock);
  const major = Math.floor(document.serverVersionNum / 10_000);
  const user = await chooseServerUser({ host, dataDir: directory });
  // Before the first byte: a missing server is found out now, not after an hour of copying.
  const binaries = options.start ? await findBinaries({ host, major, user }) : undefined;

  const placement = await phases.measure('fetch', () =>
    placeSnapshot({ ...options, snapshot, document, user }),
  );
  const files = logFiles({
    state,
    segments: resolution.segments,
    readSegment: (segment) => readCoveredSegment({ repository, segment }),
  });
  const plan = {
    target: resolution.stop,
    timeline: resolution.timeline,
    action: 'promote' as const,
  };
  await atDestination(directory, () => requestRecovery({ host, dataDir: directory, user }));
  if (!binaries) {
    // A source of Debian's kind kept its configuration elsewhere: it must start all the same.
    await atDestination(directory, () =>
      synthesiseConfiguration({ host, dataDir: directory, user, settings: document.settings }),
    );
    await phases.measure('log', () => prefillLog({ host, directory, files }));
    // All the log there is lies in pg_wal; the archive has nothing to add.
    const settings = recoverySettings({ ...plan, restoreCommand: 'false' });
    await atDestination(directory, () =>
      persistSettings({ host, dataDir: directory, user, settings }),
    );
  }
  await phases.measure('seal', () => placement.seal());
  const { bytes } = placement;
  if (!binaries) return { bytes, phases: phases.seconds };
  const recovered = await recoverServer({ ...options, phases, binaries, user, files, plan });
  return { bytes, phases: phases.seconds, ...recovered };
}
