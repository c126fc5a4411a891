/**
 * A piece of the log: bytes `from` up to `to` of one segment of one branch.
 *
 * The log knows no engine. For PostgreSQL a branch is a timeline (decimal), a segment a WAL file
 * by its name, and the offsets are those in the file.
 *
 *   lineages/<lineage>/log/<branch>/<segment>/<from>-<to>-<segment size>    each 8 hex digits
 */
export interface LogPiece {
  readonly lineage: string;
  readonly branch: string;
  readonly segment: string;
  readonly from: number;
  /** Exclusive. */
  readonly to: number;
  /** Bytes of the whole segment. */
  readonly segmentSize: number;
  readonly key: string;
  /** Stored bytes. */
  readonly size: number;
  /** Milliseconds since the epoch by the store's clock. */
  readonly modified: number;
}

export type LogRange = Pick<
  LogPiece,
  'lineage' | 'branch' | 'segment' | 'from' | 'to' | 'segmentSize'
>;

export function logPrefix(lineage: string, branch?: string): string {
  return branch === undefined ? `lineages/${lineage}/log/` : `lineages/${lineage}/log/${branch}/`;
}

export function logPieceKey(range: LogRange): string {
  const { lineage, branch, segment, from, to, segmentSize } = range;
  const name = [from, to, segmentSize].map(hex8).join('-');
  return `${logPrefix(lineage, branch)}${segment}/${name}`;
}

const KEY =
  /^lineages\/([0-9a-f]{32})\/log\/([0-9]{1,10})\/([A-Za-z0-9._-]+)\/([0-9a-f]{8})-([0-9a-f]{8})-([0-9a-f]{8})$/;

/** undefined for a key that no log piece has. */
export function parseLogPieceKey(key: string): LogRange | undefined {
  const [, lineage, branch, segment, ...numbers] = KEY.exec(key) ?? [];
  const [from, to, segmentSize] = numbers.map((text) => Number.parseInt(text, 16));
  if (lineage === undefined || branch === undefined || segment === undefined) return undefined;
  if (from === undefined || to === undefined || segmentSize === undefined) return undefined;
  return { lineage, branch, segment, from, to, segmentSize };
}

function hex8(value: number): string {
  return value.toString(16).padStart(8, '0');
}
