import { join } from 'node:path';
import { openSession } from '../../capture/source.ts';
import type { OnProgress } from '../../content/progress.ts';
import type { Check, CheckResult } from '../../engines/postgres/check/check.ts';
import { type ProofLevel, proofLevel } from '../../engines/postgres/check/proof-level.ts';
import { recoveryCheck } from '../../engines/postgres/check/recovery-check.ts';
import { runChecks } from '../../engines/postgres/check/run-checks.ts';
import { standardChecks } from '../../engines/postgres/check/standard-checks.ts';
import { formatLsn } from '../../engines/postgres/lsn.ts';
import type { Host } from '../../host/host.ts';
import type { Lineage } from '../../repository/lineages.ts';
import type { Repository } from '../../repository/repository.ts';
import { readLineageState } from '../lineage-state.ts';
import { Phases } from '../phases.ts';
import { restore } from '../restore.ts';
import { describeTarget, resolveTarget } from '../target/resolve.ts';
import type { Target } from '../target/target.ts';
import { sourceOf } from './demo-cluster.ts';

export interface RehearsedRestore {
  readonly target: string;
  readonly reached: string;
  /** Until the server had recovered; the checks come after. */
  readonly seconds: number;
  readonly proofLevel: ProofLevel;
  readonly checks: readonly CheckResult[];
}

/** Restores to a target as an operator would, starts a real server, and puts every check to it. */
export async function rehearseRestore(options: {
  readonly host: Host;
  readonly repository: Repository;
  readonly lineage: Lineage;
  readonly target: Target;
  readonly directory: string;
  readonly checks: readonly Check[];
  readonly onProgress?: OnProgress;
  readonly signal?: AbortSignal;
}): Promise<RehearsedRestore> {
  const { host, repository, lineage, target, directory, onProgress, signal } = options;
  const source = lineage.source;
  const state = await readLineageState({ repository, lineage });
  const resolution = await resolveTarget({ source, state, target });
  const snapshot = state.snapshotById(resolution.snapshot.id);
  const phases = new Phases(host.clock);
  const restored = await phases.measure('restore', () =>
    restore({
      host,
      repository,
      source,
      state,
      resolution,
      snapshot,
      directory: join(directory),
      tablespaces: new Map(),
      start: true,
      ...(onProgress && { onProgress }),
      ...(signal && { signal }),
    }),
  );
  const { server, reached } = restored;
  if (!server || !reached) throw new Error('a started restore has a server');
  await using _running = server;
  const wanted = resolution.stop.kind === 'end' ? 'covered-end' : 'target';
  const where = `${reached.time ?? 'no transaction'} at ${formatLsn(reached.lsn)}`;
  const results = await runChecks({
    checks: [
      recoveryCheck({ reached: reached.stoppedAt === wanted, detail: where }),
      ...standardChecks,
      ...options.checks,
    ],
    context: {
      host,
      dataDir: directory,
      connect: (database) =>
        openSession(sourceOf('restored', server, database), { applicationName: 'holdfast_checks' }),
      signal,
    },
    ...(onProgress && { onProgress }),
  });
  return {
    target: describeTarget(target),
    reached: where,
    seconds: phases.seconds.restore ?? 0,
    // restoreSnapshot authenticates every frame, below a commit whose signature was verified.
    proofLevel: proofLevel({ bytesAuthenticated: true, results }),
    checks: results,
  };
}
