import { hostname } from 'node:os';
import { reserveLog } from '../capture/reserve-log.ts';
import { takeSnapshot } from '../capture/take-snapshot.ts';
import { chooseSource } from '../config/load-config.ts';
import type { Warning } from '../config/warning.ts';
import { type HoldfastError, isHoldfastError } from '../errors/holdfast-error.ts';
import { keepHeapSmall } from '../host/collect-garbage.ts';
import { configuredSource } from './configured-source.ts';
import type { BackupRequest, BackupResult, ConfiguredContext } from './contract.ts';
import { openConfigured } from './open-configured.ts';
import { takenSummary } from './snapshot-summary.ts';

/** Who writes, for people who find its lease. */
export const holder = (): string => `${hostname()}, process ${process.pid}`;

export async function backup(
  context: ConfiguredContext,
  request: BackupRequest,
): Promise<BackupResult> {
  const { host, config, onProgress, onNotice, signal } = context;
  const chosen = chooseSource({ config, name: request.source, command: 'holdfast backup' });
  const { repository, warnings: opened } = await openConfigured(context);
  keepHeapSmall();
  const warnings: Warning[] = [...opened];
  const source = configuredSource({
    context,
    config: chosen,
    onWarning: (warning) => warnings.push(warning),
  });
  const started = host.clock.monotonic();
  if (chosen.follow) {
    try {
      await reserveLog({ host, source, slot: chosen.follow.slot, onNotice, signal });
    } catch (error) {
      // The snapshot is worth having all the same.
      if (signal.aborted || !isHoldfastError(error)) throw error;
      warnings.push(slotWarning(error));
    }
  }
  const taken = await takeSnapshot({
    repository,
    source,
    checkpoint: chosen.checkpoint,
    holder: holder(),
    ...(request.full && { full: true }),
    onProgress,
    onNotice,
    signal,
  });
  const { snapshot, document, captured, inspection } = taken;
  const serious = inspection.hazards.filter(({ severity }) => severity === 'warning');
  return {
    snapshot: takenSummary(taken),
    reason: document.reason,
    newLineage: taken.newLineage,
    capturedFrom: { address: inspection.address, role: document.capturedFrom },
    seconds: (host.clock.monotonic() - started) / 1000,
    bytesRead: captured.bytesReceived,
    pagesStored: snapshot.stats.pagesStored,
    pagesShared: snapshot.stats.pagesShared,
    packs: snapshot.stats.packs,
    warnings: [
      ...warnings,
      ...serious.map(({ message, fix }) => ({ message, hint: fix })),
      ...damageWarning(document.checksumFailures),
    ],
  };
}

const slotWarning = ({ message, hint }: HoldfastError): Warning => ({
  message: `Without a replication slot, what is written before holdfast follow runs may be missing from the log: ${message}`,
  hint,
});

function damageWarning(checksumFailures: number): Warning[] {
  if (checksumFailures === 0) return [];
  return [
    {
      message: `The server found ${checksumFailures} damaged pages while it sent them; they are stored as they are.`,
      hint: 'Look for the pages in the server’s log; restore the relation from an older snapshot.',
    },
  ];
}
