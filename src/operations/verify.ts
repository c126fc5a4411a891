import type { Warning } from '../config/warning.ts';
import { isHoldfastError } from '../errors/holdfast-error.ts';
import type { Lineage } from '../repository/lineages.ts';
import type { Repository } from '../repository/repository.ts';
import { listSnapshots } from '../repository/snapshots/list-snapshots.ts';
import type { Snapshot } from '../repository/snapshots/snapshot.ts';
import type { VerifyProblem } from '../repository/snapshots/verify-report.ts';
import { verifySnapshot } from '../repository/snapshots/verify-snapshot.ts';
import { recordVerification } from '../repository/verifications.ts';
import { checkStoredPage } from './check-stored-page.ts';
import type { ConfiguredContext, VerifyRequest, VerifyResult } from './contract.ts';
import { findSnapshot } from './find-snapshot.ts';
import { openConfigured } from './open-configured.ts';
import { documentOf } from './snapshot-summary.ts';
import { damagedWarning, readableSource, sourceLineages } from './source-lineages.ts';

export async function verify(
  context: ConfiguredContext,
  request: VerifyRequest,
): Promise<VerifyResult> {
  return await orAborted(verifyChosen(context, request), context.signal);
}

/** At once, though a store that hangs may never answer: whoever only reads leaves nothing undone. */
async function orAborted<Result>(work: Promise<Result>, signal: AbortSignal): Promise<Result> {
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const abort = () => reject(signal.reason);
  signal.addEventListener('abort', abort, { once: true });
  try {
    signal.throwIfAborted();
    return await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener('abort', abort);
  }
}

async function verifyChosen(
  context: ConfiguredContext,
  request: VerifyRequest,
): Promise<VerifyResult> {
  const { host, onProgress, signal } = context;
  const { level } = request;
  const started = host.clock.monotonic();
  const { repository, warnings: opened } = await openConfigured(context);
  const warnings: Warning[] = [...opened];
  const { chosen, lost } = await chooseSnapshots({ context, request, repository, warnings });
  const snapshots: VerifyResult['snapshots'][number][] = [...lost];
  let bytesRead = 0;
  for (const { snapshot, lineage } of chosen) {
    signal.throwIfAborted();
    const checkPage = checkStoredPage(documentOf(snapshot));
    const report = await verifySnapshot({
      repository,
      snapshot,
      level,
      onProgress,
      signal,
      ...(checkPage && { checkPage }),
    });
    signal.throwIfAborted();
    const { ok, problems } = report;
    bytesRead += report.bytesRead;
    snapshots.push({
      id: snapshot.id,
      source: lineage.source,
      ok,
      packs: snapshot.packs.length,
      problems: problems.map(describeProblem),
    });
    const outcome = { level, ok, problems: problems.length };
    warnings.push(...(await record({ repository, snapshot, outcome })));
  }
  return {
    ok: snapshots.every(({ ok }) => ok),
    level,
    seconds: (host.clock.monotonic() - started) / 1000,
    bytesRead,
    snapshots,
    warnings,
  };
}

interface Choice {
  readonly snapshot: Snapshot;
  readonly lineage: Lineage;
}

/** `lost`: what cannot be verified, because what should describe it is damaged itself. */
async function chooseSnapshots(options: {
  readonly context: ConfiguredContext;
  readonly request: VerifyRequest;
  readonly repository: Repository;
  readonly warnings: Warning[];
}): Promise<{ readonly chosen: Choice[]; readonly lost: VerifyResult['snapshots'][number][] }> {
  const { context, request, repository, warnings } = options;
  const source =
    request.source === undefined
      ? undefined
      : await readableSource({
          context,
          repository,
          name: request.source,
          command: 'holdfast verify --source',
        });
  if (request.snapshot !== undefined) {
    const found = await findSnapshot({ repository, prefix: request.snapshot, source });
    return { chosen: [found], lost: [] };
  }
  const chosen: Choice[] = [];
  const lost: VerifyResult['snapshots'][number][] = [];
  const newest = new Set<string>();
  const onDamaged = (damaged: Parameters<typeof damagedWarning>[0]) => {
    warnings.push(damagedWarning(damaged));
    lost.push(damagedObject(damaged.key, damaged.error.message, source ?? ''));
  };
  for (const lineage of await sourceLineages({ repository, source, onDamaged })) {
    const { snapshots, damaged } = await listSnapshots({ repository, lineage: lineage.id });
    for (const { key, error } of damaged) {
      lost.push(damagedObject(key, error.message, lineage.source));
    }
    const held = snapshots.map((snapshot) => ({ snapshot, lineage }));
    if (request.all) chosen.push(...held);
    else if (!newest.has(lineage.source)) chosen.push(...held.slice(-1));
    if (held.length > 0) newest.add(lineage.source);
  }
  return { chosen, lost };
}

/** A commit that cannot be read has no id any more: its key stands for it. */
const damagedObject = (key: string, reason: string, source: string) => ({
  id: key.split('/').at(-1) ?? key,
  source,
  ok: false,
  packs: 0,
  problems: [`${key}: ${reason}`],
});

function describeProblem({ object, reason, paths, page }: VerifyProblem): string {
  const [first, ...others] = paths;
  if (first === undefined) return `${object}: ${reason}`;
  const at = page === undefined ? first : `${first}, page ${page}`;
  const more = others.length > 0 ? ` and ${others.length} more` : '';
  return `${object}: ${reason} (needed for ${at}${more})`;
}

/** What was found is told even where nothing may be written: a copy mounted read-only. */
async function record(options: Parameters<typeof recordVerification>[0]): Promise<Warning[]> {
  try {
    await recordVerification(options);
    return [];
  } catch (error) {
    if (!isHoldfastError(error) || error.kind !== 'denied') throw error;
    const message = `This verification is not recorded, so restore and doctor do not know of it: ${error.message}`;
    return [{ message, hint: error.hint }];
  }
}
