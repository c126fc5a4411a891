import type { FollowerEvent } from '../capture/follower.ts';
import { formatLsn } from '../engines/postgres/lsn.ts';

/** What a person should hear of an event; most say nothing. */
export function followerNotice(event: FollowerEvent): string | undefined {
  switch (event.kind) {
    case 'connected':
      return (
        `Streaming from ${event.server.address}, timeline ${event.start.timeline}, ` +
        `from ${formatLsn(event.start.lsn)}.`
      );
    case 'timeline-switch':
      return (
        `Timeline ${event.from} ended at ${formatLsn(event.at)}; following ${event.to}.` +
        (event.beyond === null
          ? ''
          : ` The old one's log up to ${formatLsn(event.beyond)} is kept, off the path.`)
      );
    case 'gap':
      return `${event.error.message} Taking a snapshot that does not need it.`;
    case 'disconnected':
      return `Lost the server: ${messageOf(event.error)}. Trying again.`;
    case 'warning':
    case 'slot-lost':
    case 'log-invalid':
      return `${event.error.message} ${event.error.hint}`;
    case 'upload-failed':
      return `${event.error.message} The log is safe in the journal; try ${event.attempts} failed.`;
    case 'upload-recovered':
      return 'The repository answers again.';
    case 'slot-created':
      return `Created the replication slot ${event.state.name}.`;
    case 'position':
    case 'keepalive':
    case 'flushed':
    case 'slot':
    case 'slot-unreachable':
    case 'uploaded':
      return undefined;
  }
}

/** Without the full stop, to be put into a sentence. */
export const messageOf = (error: unknown): string =>
  error instanceof Error ? error.message.replace(/\.$/, '') : String(error);
