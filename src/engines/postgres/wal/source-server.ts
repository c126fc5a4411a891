import { HoldfastError, isHoldfastError } from '../../../errors/holdfast-error.ts';
import { type Lsn, parseLsn } from '../lsn.ts';
import type { Connection } from '../protocol/connection.ts';
import { historyName } from './segment-name.ts';
import { parseTimelineHistory, type TimelineHistory } from './timeline-history.ts';

/** The server at the other end of a replication connection. */
export interface SourceServer {
  readonly address: string;
  readonly systemIdentifier: string;
  readonly timeline: number;
  /** How far its own log is durable. */
  readonly flushed: Lsn;
  readonly standby: boolean;
  readonly segmentSize: number;
  readonly history: TimelineHistory;
}

export async function identifyServer(
  connection: Connection,
  signal?: AbortSignal,
): Promise<SourceServer> {
  const [identity] = await connection.query('IDENTIFY_SYSTEM', { signal });
  const row = identity?.rows[0];
  const column = (name: string) => row?.[identity?.columns.indexOf(name) ?? -1] ?? '';
  const timeline = Number(column('timeline'));
  const history = await fetchHistory(connection, timeline, signal);
  return {
    address: connection.peer.address,
    systemIdentifier: column('systemid'),
    timeline,
    flushed: parseLsn(column('xlogpos')),
    standby: connection.parameters.get('in_hot_standby') === 'on',
    segmentSize: parseSize(await show(connection, 'wal_segment_size', signal)),
    history: parseTimelineHistory(timeline, history ?? Buffer.alloc(0)),
  };
}

export async function show(
  connection: Connection,
  name: string,
  signal?: AbortSignal,
): Promise<string> {
  const [set] = await connection.query(`SHOW ${name}`, { signal });
  return set?.rows[0]?.[0] ?? '';
}

/** The bytes of a `.history` file; undefined for timeline 1 and when the server lost the file. */
export async function fetchHistory(
  connection: Connection,
  timeline: number,
  signal?: AbortSignal,
): Promise<Buffer | undefined> {
  if (timeline === 1) return undefined;
  try {
    const [set] = await connection.queryRaw(`TIMELINE_HISTORY ${timeline}`, { signal });
    const [name, content] = set?.rows[0] ?? [];
    if (name?.toString() !== historyName(timeline) || !content) {
      const reason = `TIMELINE_HISTORY ${timeline} was answered with ${name}`;
      throw new HoldfastError('POSTGRES_PROTOCOL', { reason });
    }
    return content;
  } catch (error) {
    if (isHoldfastError(error) && error.facts.sqlState === '58P01') return undefined;
    throw error;
  }
}

const UNITS: Readonly<Record<string, number>> = { B: 1, kB: 1024, MB: 1 << 20, GB: 1 << 30 };

/** `16MB`, as SHOW spells a size. */
function parseSize(text: string): number {
  const match = /^(\d+)(B|kB|MB|GB)$/.exec(text.trim());
  const size = Number(match?.[1]) * (UNITS[match?.[2] ?? ''] ?? Number.NaN);
  if (Number.isNaN(size)) {
    throw new HoldfastError('POSTGRES_PROTOCOL', { reason: `wal_segment_size is "${text}"` });
  }
  return size;
}
