import { coveredPrefix } from '../content/covered-prefix.ts';
import type { Inspection } from '../engines/postgres/inspect/inspection.ts';
import { type Lsn, lsn } from '../engines/postgres/lsn.ts';
import { fetchTimelineHistory, identifySystem } from '../engines/postgres/protocol/replication.ts';
import { segmentName, segmentNumber, segmentStart } from '../engines/postgres/wal/segment-name.ts';
import { HoldfastError } from '../errors/holdfast-error.ts';
import type { Clock } from '../host/clock.ts';
import { readLease } from '../repository/leases/lease-object.ts';
import type { Lineage } from '../repository/lineages.ts';
import { listLog } from '../repository/log/list-log.ts';
import type { Repository } from '../repository/repository.ts';
import { repositoryLogSink } from './log-sink.ts';
import { openSession, type PostgresSource } from './source.ts';
import { streamRange } from './stream-range.ts';

/** A follower that runs is given this long to store what the snapshot needs. */
const FOLLOWER_PATIENCE_MS = 20_000;
const POLL_MS = 250;

/**
 * A snapshot owns its own log: resolves when every byte from its start to its stop is in the
 * repository. A live follower is waited for; what it does not bring is streamed here, from the
 * log that the caller's temporary slot keeps on the server.
 */
export async function ensureLog(options: {
  readonly repository: Repository;
  readonly lineage: Lineage;
  readonly source: PostgresSource;
  readonly inspection: Inspection;
  readonly timeline: number;
  readonly from: Lsn;
  readonly to: Lsn;
  readonly signal?: AbortSignal | undefined;
}): Promise<void> {
  const { repository, lineage, source, inspection, timeline, from, to, signal } = options;
  const { clock } = repository.host;
  const segmentSize = inspection.walSegmentSize;
  const held = () => holdsRange({ repository, lineage, timeline, from, to, segmentSize });
  const sink = repositoryLogSink({ repository, lineage });
  await using connection = await openSession(source, {
    replication: true,
    applicationName: 'holdfast_backup',
    signal,
  });
  // Also because a standby of 14 streams only to whom it has told this.
  const { systemIdentifier } = await identifySystem(connection, { signal });
  if (systemIdentifier !== inspection.systemIdentifier) {
    const [first, second] = [inspection.address, connection.peer.address];
    throw new HoldfastError('CAPTURE_SERVER_CHANGED', { first, second });
  }
  if (timeline > 1) {
    const { name, bytes } = await fetchTimelineHistory(connection, timeline);
    await sink.putDocument(name, bytes);
  }
  if (await followerIsLive({ repository, lineage, clock })) {
    const patience = clock.monotonic() + FOLLOWER_PATIENCE_MS;
    while (clock.monotonic() < patience) {
      if (await held()) return;
      await clock.sleep(POLL_MS, signal);
    }
  }
  if (await held()) return;
  // On a primary the end of a backup switches segments: what is left of this one is there already,
  // and a whole segment is what the next follower goes on from.
  const end = inspection.inRecovery
    ? to
    : lsn(segmentStart(lsn(to - 1n), segmentSize) + BigInt(segmentSize));
  const stream = {
    connection,
    timeline,
    from,
    to: end,
    segmentSize,
    systemIdentifier,
    sink,
    signal,
  };
  await streamRange(stream);
}

/** A lease that is held and was renewed within its TTL, by the store's own clock. */
async function followerIsLive(options: {
  readonly repository: Repository;
  readonly lineage: Lineage;
  readonly clock: Clock;
}): Promise<boolean> {
  const { repository, lineage, clock } = options;
  const lease = await readLease({ repository, lineage: lineage.id, role: 'log' });
  return lease?.state === 'held' && clock.now() - lease.modified < lease.ttlMs;
}

async function holdsRange(options: {
  readonly repository: Repository;
  readonly lineage: Lineage;
  readonly timeline: number;
  readonly from: Lsn;
  readonly to: Lsn;
  readonly segmentSize: number;
}): Promise<boolean> {
  const { repository, lineage, timeline, from, to, segmentSize } = options;
  const first = segmentNumber(from, segmentSize);
  const needed = new Map<string, { from: number; to: number }[]>();
  for (let number = first; number * BigInt(segmentSize) < to; number++) {
    needed.set(segmentName({ timeline, number, segmentSize }), []);
  }
  const branch = String(timeline);
  for await (const piece of listLog({ repository, lineage: lineage.id, branch })) {
    needed.get(piece.segment)?.push(piece);
  }
  let number = first;
  for (const pieces of needed.values()) {
    const last = Number(to - number * BigInt(segmentSize));
    if (coveredPrefix(pieces) < Math.min(last, segmentSize)) return false;
    number++;
  }
  return true;
}
