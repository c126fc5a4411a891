import { HoldfastError } from '../../../errors/holdfast-error.ts';
import type { Connection } from '../protocol/connection.ts';
import type { Journal } from './journal.ts';
import { historyName } from './segment-name.ts';
import { fetchHistory, type SourceServer, show } from './source-server.ts';
import { isSynchronousName } from './synchronous-names.ts';

/** Throws WAL_FOREIGN_SYSTEM: a server of the same name may be another cluster. */
export function refuseOtherCluster(server: SourceServer, journal: Journal): void {
  const what = `The server ${server.address}`;
  if (server.systemIdentifier !== journal.systemIdentifier) {
    throw new HoldfastError('WAL_FOREIGN_SYSTEM', {
      what,
      found: server.systemIdentifier,
      expected: journal.systemIdentifier,
    });
  }
  if (server.segmentSize !== journal.segmentSize) {
    throw new HoldfastError('WAL_FOREIGN_SEGMENT_SIZE', {
      what,
      found: server.segmentSize,
      expected: journal.segmentSize,
    });
  }
}

/** WAL_REMOTE_APPLY when commits would wait for this program to apply them. */
export async function remoteApplyProblem(
  connection: Connection,
  applicationName: string,
  signal: AbortSignal,
): Promise<HoldfastError | undefined> {
  if ((await show(connection, 'synchronous_commit', signal)) !== 'remote_apply') return undefined;
  const names = await show(connection, 'synchronous_standby_names', signal);
  if (!isSynchronousName(names, applicationName)) return undefined;
  const facts = { address: connection.peer.address, name: applicationName };
  return new HoldfastError('WAL_REMOTE_APPLY', facts);
}

/**
 * Stores the histories of these timelines. Every ancestor's too: a history that is missing at
 * restore ends it on an old timeline, without the newer transactions.
 */
export async function keepHistories(options: {
  readonly connection: Connection;
  readonly journal: Journal;
  readonly timelines: readonly number[];
  readonly signal: AbortSignal;
}): Promise<void> {
  const { connection, journal, timelines, signal } = options;
  const held = await journal.histories();
  for (const timeline of new Set(timelines)) {
    if (held.has(historyName(timeline))) continue;
    const bytes = await fetchHistory(connection, timeline, signal);
    if (bytes) await journal.putHistory(timeline, bytes);
  }
}

export const timelinesOf = ({ timeline, history }: SourceServer): number[] => [
  timeline,
  ...history.ancestors.map((ancestor) => ancestor.timeline),
];
