import type { Instant } from '../../../content/instant.ts';
import type { Lsn } from '../lsn.ts';
import type { ReplicationMessage } from './replication-messages.ts';

/** Everything the server had flushed by `time`, on its clock, lies before `end`. */
export interface FlushedBy {
  readonly end: Lsn;
  readonly time: Instant;
}

/**
 * Reads from the messages of one stream until when the log up to a position is all there was.
 *
 * No single message says so. A keepalive names the end of what was *sent*, which a sender that
 * catches up has far ahead of it; and it is written before the sender looks for more. But the
 * sender looks between two messages: the end that the later one names holds everything that was
 * flushed when the earlier one was written, unless the log data has named a further end since.
 */
export class FlushListener {
  #spokeAt: Instant | undefined;
  #furthest: Lsn | undefined;

  hear(message: ReplicationMessage): FlushedBy | undefined {
    const { kind, serverEnd: end, time } = message;
    const before = this.#spokeAt;
    this.#spokeAt = time;
    const sentAll = this.#furthest === undefined || end >= this.#furthest;
    // In log data it is the end of what is flushed, in a keepalive of what is sent.
    if (kind === 'data' && sentAll) this.#furthest = end;
    return before === undefined || !sentAll ? undefined : { end, time: before };
  }
}
