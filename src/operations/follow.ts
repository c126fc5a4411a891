import { Follower } from '../capture/follower.ts';
import { takeSnapshot } from '../capture/take-snapshot.ts';
import type { SourceConfig } from '../config/config.ts';
import { chooseSource } from '../config/load-config.ts';
import type { Warning } from '../config/warning.ts';
import { formatLsn } from '../engines/postgres/lsn.ts';
import type { JournalPosition } from '../engines/postgres/wal/journal-recovery.ts';
import { HoldfastError } from '../errors/holdfast-error.ts';
import { keepHeapSmall } from '../host/collect-garbage.ts';
import type { Repository } from '../repository/repository.ts';
import { holder } from './backup.ts';
import { configuredSource } from './configured-source.ts';
import type { ConfiguredContext, FollowResult, SourceRequest } from './contract.ts';
import { followerNotice, messageOf } from './follower-notice.ts';
import { openConfigured } from './open-configured.ts';

/** Follows until the context's signal aborts, then stores what is left and resolves. */
export async function follow(
  context: ConfiguredContext,
  request: SourceRequest,
): Promise<FollowResult> {
  const { host, config, signal, onNotice, onProgress } = context;
  const chosen = chooseSource({ config, name: request.source, command: 'holdfast follow' });
  const settings = chosen.follow;
  if (!settings) {
    throw new HoldfastError('FOLLOW_UNCONFIGURED', { file: config.file, source: chosen.name });
  }
  const { repository, warnings: opened } = await openConfigured(context);
  keepHeapSmall();
  const warnings: Warning[] = [...opened];
  const source = configuredSource({ context, config: chosen, onWarning: (w) => warnings.push(w) });
  const startedAt = new Date(host.clock.now()).toISOString();
  let from: bigint | undefined;
  const gaps = new GapMender({ context, config: chosen, repository });
  const follower = await Follower.start({
    repository,
    source,
    journal: settings.journal,
    applicationName: settings.applicationName,
    slot: settings.slot,
    durability: settings.durability,
    uploadEveryMs: settings.uploadEveryMs,
    holder: holder(),
    onNotice,
    signal,
    onEvent: (event) => {
      const notice = followerNotice(event);
      if (notice !== undefined) onNotice(notice);
      if (event.kind === 'position') {
        from ??= event.position.lsn;
        onProgress({ phase: 'follow', done: Number(event.position.lsn - from), unit: 'bytes' });
      }
      if (event.kind === 'gap') gaps.mend();
    },
  });
  const aborted = new Promise<void>((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
  try {
    await Promise.race([aborted, follower.ended]);
  } catch {
    // `stop` stores what is left, gives the lease back, and throws the same.
    gaps.giveUp();
  }
  await gaps.settled;
  const { lineage, started, flushed, stored, reconnects } = await follower.stop();
  const first = started?.lsn ?? flushed?.lsn ?? 0n;
  return {
    source: chosen.name,
    lineage: lineage.id,
    startedAt,
    stoppedAt: new Date(host.clock.now()).toISOString(),
    timeline: flushed?.timeline ?? started?.timeline ?? 0,
    startLsn: positionText(started),
    flushedLsn: positionText(flushed),
    storedLsn: positionText(stored),
    bytes: Number((flushed?.lsn ?? first) - first),
    reconnects,
    warnings,
  };
}

const positionText = (position: JournalPosition | undefined): string =>
  position ? formatLsn(position.lsn) : '0/0';

interface GapParts {
  readonly context: ConfiguredContext;
  readonly config: SourceConfig;
  readonly repository: Repository;
}

/** After a gap nothing later restores from an earlier snapshot, so a new one is taken at once. */
class GapMender {
  readonly #parts: GapParts;
  readonly #stop = new AbortController();
  settled: Promise<void> = Promise.resolve();

  constructor(parts: GapParts) {
    this.#parts = parts;
  }

  mend(): void {
    this.settled = this.settled.then(() => this.#take());
  }

  /** Without a follower its snapshots are nobody's business any more. */
  giveUp(): void {
    this.#stop.abort();
  }

  async #take(): Promise<void> {
    const { context, config, repository } = this.#parts;
    try {
      const { snapshot } = await takeSnapshot({
        repository,
        source: configuredSource({ context, config }),
        checkpoint: config.checkpoint,
        holder: holder(),
        onNotice: context.onNotice,
        signal: AbortSignal.any([context.signal, this.#stop.signal]),
      });
      context.onNotice(`Snapshot ${snapshot.id.slice(0, 8)} is taken: restores reach on again.`);
    } catch (error) {
      const next = `holdfast backup ${config.name}`;
      context.onNotice(`No snapshot after the gap: ${messageOf(error)}. Take one: ${next}`);
    }
  }
}
