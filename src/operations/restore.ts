import { chooseSource } from '../config/load-config.ts';
import type { Warning } from '../config/warning.ts';
import { formatLsn, parseLsn } from '../engines/postgres/lsn.ts';
import type { Server } from '../engines/postgres/server/server.ts';
import { HoldfastError } from '../errors/holdfast-error.ts';
import { type LineageState, readLineageState } from '../recovery/lineage-state.ts';
import { type Restored, restore as restoreInto } from '../recovery/restore.ts';
import { type Resolution, resolveTarget } from '../recovery/target/resolve.ts';
import { latestVerification } from '../repository/verifications.ts';
import type { ConfiguredContext, RestoreRequest, RestoreResult } from './contract.ts';
import { openConfigured } from './open-configured.ts';
import { snapshotSummary } from './snapshot-summary.ts';
import { sourceLineages } from './source-lineages.ts';
import { unreachableTimelines } from './unreachable-timelines.ts';

export async function restore(
  context: ConfiguredContext,
  request: RestoreRequest,
): Promise<RestoreResult> {
  const { host, config, signal, onProgress, onNotice } = context;
  const started = host.clock.monotonic();
  const { name } = chooseSource({ config, name: request.source, command: 'holdfast restore' });
  const { repository, warnings } = await openConfigured(context);
  const { state, resolution } = await resolveOverLineages({
    states: await lineageStates({ repository, source: name }),
    request,
    source: name,
  });
  const snapshot = state.snapshotById(resolution.snapshot.id);
  const verification = await latestVerification({ repository, snapshot });
  if (verification?.ok === false && !request.despiteFailedVerification) {
    throw new HoldfastError('SNAPSHOT_FAILED_VERIFICATION', { snapshot: snapshot.id });
  }
  for (const note of resolution.notes) onNotice(note);
  const restored = request.dryRun
    ? undefined
    : await restoreInto({
        host,
        repository,
        source: name,
        state,
        resolution,
        snapshot,
        directory: request.directory,
        tablespaces: request.tablespaces,
        start: request.start,
        ...(request.port !== undefined && { port: request.port }),
        onProgress,
        signal,
      });
  const { document } = resolution.snapshot;
  return {
    source: name,
    directory: request.directory,
    dryRun: request.dryRun,
    target: request.asked,
    timeline: resolution.timeline,
    snapshot: snapshotSummary({ snapshot, lineage: state.lineage }),
    log: {
      fromLsn: formatLsn(parseLsn(document.startLsn)),
      toLsn: formatLsn(resolution.coveredTo),
      segments: resolution.segments.length,
    },
    ...reachedOf(restored),
    bytes: restored?.bytes ?? snapshot.stats.bytesTotal,
    seconds: (host.clock.monotonic() - started) / 1000,
    phases: restored?.phases ?? {},
    warnings: [
      ...warnings,
      ...unreachableTimelines(state),
      ...(restored && !restored.server ? [unisolated(request.directory)] : []),
      ...resolution.notes.map((message) => ({ message, hint: `holdfast window ${name}` })),
    ],
    next: nextSteps({ request, restored }),
  };
}

/** The newest lineage that holds the target: an older cluster's history is asked last. */
async function resolveOverLineages(options: {
  readonly states: readonly LineageState[];
  readonly request: RestoreRequest;
  readonly source: string;
}): Promise<{ readonly state: LineageState; readonly resolution: Resolution }> {
  const { states, request, source } = options;
  let refusal: unknown = new HoldfastError('NO_SNAPSHOT', { source });
  for (const [position, state] of states.entries()) {
    try {
      const resolution = await resolveTarget({
        source,
        state,
        target: request.target,
        ...(request.timeline !== undefined && { timeline: request.timeline }),
      });
      return { state, resolution };
    } catch (error) {
      if (!isAnswer(error)) throw error;
      if (position === 0) refusal = error;
    }
  }
  throw refusal;
}

/** "Not in this lineage", which another one may answer otherwise. */
function isAnswer(error: unknown): error is HoldfastError {
  return error instanceof HoldfastError && ELSEWHERE.has(error.code);
}

const ELSEWHERE: ReadonlySet<string> = new Set([
  'NO_SNAPSHOT',
  'SNAPSHOT_UNKNOWN',
  'TARGET_NOT_FOUND',
  'TARGET_OUTSIDE_WINDOW',
  'TIMELINE_UNKNOWN',
]);

async function lineageStates(options: {
  readonly repository: Parameters<typeof readLineageState>[0]['repository'];
  readonly source: string;
}): Promise<LineageState[]> {
  const { repository, source } = options;
  const states: LineageState[] = [];
  for (const lineage of await sourceLineages({ repository, source })) {
    states.push(await readLineageState({ repository, lineage }));
  }
  return states;
}

function reachedOf(restored: Restored | undefined): Pick<RestoreResult, 'reached' | 'server'> {
  if (!restored?.server || !restored.reached) return {};
  const { timeline, lsn, time, stoppedAt } = restored.reached;
  const { server } = restored;
  return {
    reached: { timeline, lsn: formatLsn(lsn), stoppedAt, ...(time !== undefined && { time }) },
    server: {
      pid: server.pid,
      socketDirectory: server.socketDir,
      port: server.port,
      connect: `psql -h ${server.socketDir} -p ${server.port} -U postgres postgres`,
      stop: stopCommand(server),
    },
  };
}

/** Only --start overrides what could reach production (docs/design/03-recovery.md). */
const unisolated = (directory: string): Warning => ({
  message:
    'The directory keeps the settings of its source: archive_command, synchronous_standby_names, ' +
    'addresses and replication are as they were.',
  hint: `Read ${directory}/postgresql.conf and postgresql.auto.conf before you start it, or restore with --start.`,
});

const stopCommand = (server: Server): string => `kill -INT ${server.pid}`;

function nextSteps(options: {
  readonly request: RestoreRequest;
  readonly restored: Restored | undefined;
}): string[] {
  const { request, restored } = options;
  if (!restored) return [];
  const start = `pg_ctl start -D ${request.directory}`;
  return restored.server ? [stopCommand(restored.server), start] : [start];
}
