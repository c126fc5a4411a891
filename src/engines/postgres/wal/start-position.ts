import { HoldfastError } from '../../../errors/holdfast-error.ts';
import { formatLsn, type Lsn } from '../lsn.ts';
import type { JournalPosition } from './journal-recovery.ts';
import { segmentStart } from './segment-name.ts';
import type { SourceServer } from './source-server.ts';
import { switchPoint, timelineAt, timelinePath } from './timeline-history.ts';

/** Where to start streaming, and what that says about the journal. */
export interface StartPosition extends JournalPosition {
  /** The journal's timeline ended at `at` and another goes on. */
  readonly switched?: {
    readonly from: number;
    readonly at: Lsn;
    /** What the journal holds of the old timeline beyond the fork: no longer part of the history. */
    readonly beyond: Lsn | null;
  };
}

/**
 * The end of the durable journal, rounded down to its segment, on the timeline that the server's
 * history continues it on. Refuses a server that the journal did not come from.
 */
export function chooseStart(options: {
  readonly server: SourceServer;
  readonly journal: JournalPosition | undefined;
  readonly segmentSize: number;
  /** For an empty journal; the server's flushed position when absent. */
  readonly startAt?: Lsn | undefined;
}): StartPosition {
  const { server, journal, segmentSize } = options;
  const { history } = server;
  if (!journal) return freshStart(server, options.startAt ?? server.flushed, segmentSize);
  const fork = switchPoint(history, journal.timeline);
  if (fork === null) {
    if (journal.lsn > server.flushed) throw behind(server, journal);
    return { timeline: journal.timeline, lsn: segmentStart(journal.lsn, segmentSize) };
  }
  if (fork === undefined) {
    if (journal.timeline > server.timeline) throw behind(server, journal);
    throw new HoldfastError('WAL_NOT_ANCESTOR', {
      address: server.address,
      timeline: journal.timeline,
      server: server.timeline,
    });
  }
  if (journal.lsn < fork) {
    return { timeline: journal.timeline, lsn: segmentStart(journal.lsn, segmentSize) };
  }
  const next = timelinePath(history).find(({ begin, timeline }) => {
    return begin === fork && timeline > journal.timeline;
  });
  return {
    timeline: next?.timeline ?? server.timeline,
    lsn: segmentStart(fork, segmentSize),
    switched: {
      from: journal.timeline,
      at: fork,
      beyond: journal.lsn > fork ? journal.lsn : null,
    },
  };
}

/** The start of the segment that holds `position`, on the timeline that wrote it. */
export function freshStart(
  { history }: Pick<SourceServer, 'history'>,
  position: Lsn,
  segmentSize: number,
): JournalPosition {
  return { timeline: timelineAt(history, position), lsn: segmentStart(position, segmentSize) };
}

/** A standby catches up by itself; a primary that has less than it once sent was set back. */
function behind(server: SourceServer, journal: JournalPosition): HoldfastError {
  return new HoldfastError(server.standby ? 'WAL_SOURCE_BEHIND' : 'WAL_JOURNAL_AHEAD', {
    address: server.address,
    timeline: journal.timeline,
    journal: formatLsn(journal.lsn),
    server: `${formatLsn(server.flushed)} of timeline ${server.timeline}`,
  });
}
