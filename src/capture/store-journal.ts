import { formatLsn } from '../engines/postgres/lsn.ts';
import type { Connection } from '../engines/postgres/protocol/connection.ts';
import { Journal } from '../engines/postgres/wal/journal.ts';
import { readIdentity } from '../engines/postgres/wal/journal-identity.ts';
import { WalPublisher } from '../engines/postgres/wal/publisher.ts';
import { isHoldfastError } from '../errors/holdfast-error.ts';
import { Lease } from '../repository/leases/lease.ts';
import { listLineages } from '../repository/lineages.ts';
import type { Repository } from '../repository/repository.ts';
import { decodeFollowerPosition } from './follower-position.ts';
import { repositoryLogSink } from './log-sink.ts';
import { openSession, type PostgresSource } from './source.ts';

interface JournalPlace {
  readonly repository: Repository;
  readonly source: PostgresSource;
  /** Directory. */
  readonly journal: string;
  readonly applicationName: string;
  readonly holder: string;
  readonly leaseTtlMs: number;
  readonly onNotice?: (sentence: string) => void;
  readonly signal?: AbortSignal;
}

/** For the rest of a journal: a repository that takes longer than this is out of order itself. */
const PATIENCE_MS = 15 * 60_000;

/**
 * Brings what a journal still holds to the repository without a server. When a disaster took the
 * server and this program ended before it had stored everything, acknowledged commits are in the
 * journal alone, and no server will ever be there to follow again.
 *
 * Does nothing when there is no such journal. The lease keeps one that is in use from being opened
 * twice.
 */
async function storeJournal(options: JournalPlace): Promise<void> {
  const { repository, journal: directory, holder, leaseTtlMs, onNotice } = options;
  const source = options.source.name;
  const { host } = repository;
  const identity = await readIdentity(host, directory);
  const lineage = (await listLineages({ repository })).find(
    (known) => known.source === source && known.identity === identity?.systemIdentifier,
  );
  if (!identity || !lineage) return;
  const timeout = AbortSignal.timeout(PATIENCE_MS);
  const signal = options.signal ? AbortSignal.any([options.signal, timeout]) : timeout;
  await using lease = await Lease.acquire({
    repository,
    lineage: lineage.id,
    role: 'log',
    holder,
    signal,
    ttlMs: leaseTtlMs,
    onWaiting: ({ holder: other }) =>
      onNotice?.(`Waiting to see whether ${other} still follows ${source}.`),
  });
  lease.keepAlive();
  await using journal = await Journal.open({ host, directory, ...identity });
  const publisher = new WalPublisher({
    host,
    journal,
    sink: repositoryLogSink({ repository, lineage }),
    resumeAt: decodeFollowerPosition(lease.payload) ?? undefined,
    onEvent: (event) => {
      if (event.kind === 'upload-failed') onNotice?.(event.error.message);
    },
  });
  if (!(await publisher.drain(signal))) {
    onNotice?.(
      `The journal of ${source}, ${directory}, holds log that is not in the repository yet: keep ` +
        `it, and run holdfast follow ${source} again.`,
    );
    return;
  }
  const { end } = journal;
  if (end) {
    onNotice?.(
      `The journal of ${source} is in the repository up to ${formatLsn(end.lsn)} of timeline ` +
        `${end.timeline}: what was acknowledged can be restored.`,
    );
  }
}

/** A session to begin following with; when no server answers, the journal is stored at least. */
export async function openOrStoreJournal(options: JournalPlace): Promise<Connection> {
  const { source, applicationName, signal } = options;
  try {
    return await openSession(source, {
      replication: 'database',
      applicationName: `${applicationName}_setup`,
      signal,
    });
  } catch (error) {
    if (isHoldfastError(error) && error.kind === 'transient') await storeJournal(options);
    throw error;
  }
}
