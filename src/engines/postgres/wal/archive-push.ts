import { basename, dirname, join } from 'node:path';
import { HoldfastError } from '../../../errors/holdfast-error.ts';
import type { Host } from '../../../host/host.ts';
import { type Lsn, lsn } from '../lsn.ts';
import type { LogSinkPiece } from './log-sink.ts';
import { readSegmentHeader, type SegmentHeader } from './page-header.ts';
import { indexSegment, type SegmentIndex } from './segment-index.ts';
import { encodeSegmentIndex } from './segment-index-codec.ts';
import { parseWalFileName, segmentName, type WalFile } from './segment-name.ts';

/** The repository, as archive_command sees it. Other content under the same name is a conflict. */
export interface ArchiveSink {
  putPiece(piece: LogSinkPiece): Promise<'stored' | 'already'>;
  putDocument(name: string, bytes: Buffer): Promise<'stored' | 'already'>;
}

export interface ArchivePushOptions {
  readonly host: Pick<Host, 'fs'>;
  /** Absolute: what %p names. */
  readonly path: string;
  /** Decimal; a file of another cluster is refused. */
  readonly systemIdentifier: string;
  readonly segmentSize: number;
  readonly sink: ArchiveSink;
  /** How many other finished segments found waiting are stored in the same call. */
  readonly batch?: number;
}

const BATCH = 8;

/**
 * What archive_command does: resolves only when the file is durable in the repository.
 *
 * The archiver calls for one file at a time and a process costs more than a segment, so that the
 * segments that wait behind it are stored too. Their own calls will find them 'already' there; a
 * failure among them is left to those calls.
 */
export async function pushToArchive(
  options: ArchivePushOptions,
): Promise<{ readonly stored: string[]; readonly already: string[] }> {
  const stored: string[] = [];
  const already: string[] = [];
  const push = async (path: string) => {
    const result = await pushFile({ ...options, path });
    (result === 'stored' ? stored : already).push(basename(path));
  };
  await push(options.path);
  for (const name of await waitingBehind(options)) {
    try {
      await push(join(dirname(options.path), name));
    } catch {
      break;
    }
  }
  return { stored, already };
}

async function pushFile(options: ArchivePushOptions): Promise<'stored' | 'already'> {
  const { host, path, segmentSize, sink } = options;
  const name = basename(path);
  const file = parseWalFileName(name, segmentSize);
  if (!file) throw invalid(name, 'its name is none of a file of the log');
  const bytes = await host.fs.promises.readFile(path);
  if (file.kind === 'history' || file.kind === 'backup') return await sink.putDocument(name, bytes);
  checkSegment({ ...options, name, file, bytes });
  const { timeline, number } = file;
  const startLsn = lsn(number * BigInt(segmentSize));
  const index = await indexWithPrevious(options, file, bytes, startLsn);
  // Beyond its last record a .partial holds what the recycled file held before.
  const length = file.kind === 'partial' ? Number(index.validEnd - startLsn) : segmentSize;
  if (length <= 0) return 'already';
  return await sink.putPiece({
    branch: String(timeline),
    segment: segmentName({ timeline, number, segmentSize }),
    from: 0,
    to: length,
    segmentSize,
    bytes: bytes.subarray(0, length),
    index: encodeSegmentIndex(
      length < segmentSize
        ? { ...index, to: lsn(startLsn + BigInt(length)), stopped: null }
        : index,
    ),
  });
}

type SegmentFile = Extract<WalFile, { readonly kind: 'segment' | 'partial' }>;

function checkSegment(options: {
  readonly name: string;
  readonly file: SegmentFile;
  readonly bytes: Buffer;
  readonly systemIdentifier: string;
  readonly segmentSize: number;
}): void {
  const { name, file, bytes, systemIdentifier, segmentSize } = options;
  if (bytes.length !== segmentSize) {
    throw invalid(name, `it has ${bytes.length} of ${segmentSize} bytes`);
  }
  const header = readSegmentHeader(bytes);
  if (!header) throw invalid(name, 'it does not begin as PostgreSQL 14 to 18 write segments');
  if (header.systemIdentifier !== systemIdentifier) {
    const facts = { what: name, found: header.systemIdentifier, expected: systemIdentifier };
    throw new HoldfastError('WAL_FOREIGN_SYSTEM', facts);
  }
  const problem = headerProblem(header, file, segmentSize);
  if (problem) throw invalid(name, problem);
}

/** Undefined when the header is that of this segment. */
export function headerProblem(
  header: SegmentHeader,
  file: Pick<SegmentFile, 'timeline' | 'number'>,
  segmentSize: number,
): string | undefined {
  if (header.segmentSize !== segmentSize) return `its segment size is ${header.segmentSize}`;
  if (header.position !== file.number * BigInt(segmentSize)) return 'it holds another position';
  // The first segment of a timeline begins with a copy of its parent's pages.
  if (header.timeline > file.timeline) return `it holds timeline ${header.timeline}`;
  return undefined;
}

async function indexWithPrevious(
  options: ArchivePushOptions,
  file: SegmentFile,
  bytes: Buffer,
  startLsn: Lsn,
): Promise<SegmentIndex> {
  const { segmentSize, systemIdentifier } = options;
  const previousTail = await tailOfPrevious(options, file);
  return indexSegment({ bytes, startLsn, segmentSize, systemIdentifier, previousTail });
}

/** The segment before usually still lies beside it; without it one record is not indexed. */
async function tailOfPrevious(
  options: ArchivePushOptions,
  file: SegmentFile,
): Promise<Buffer | null> {
  const { host, path, segmentSize, systemIdentifier } = options;
  const number = file.number - 1n;
  if (number < 0n) return null;
  const name = segmentName({ timeline: file.timeline, number, segmentSize });
  const bytes = await readIfThere(host, join(dirname(path), name));
  if (bytes?.length !== segmentSize) return null;
  const startLsn = lsn(number * BigInt(segmentSize));
  return indexSegment({ bytes, startLsn, segmentSize, systemIdentifier }).tail;
}

/** Whole segments with a `.ready` mark that follow the given one, in order. */
async function waitingBehind(options: ArchivePushOptions): Promise<string[]> {
  const { host, path, segmentSize, batch = BATCH } = options;
  const name = basename(path);
  if (parseWalFileName(name, segmentSize)?.kind !== 'segment') return [];
  let marks: string[];
  try {
    marks = await host.fs.promises.readdir(join(dirname(path), 'archive_status'));
  } catch {
    return [];
  }
  return marks
    .filter((mark) => mark.endsWith('.ready'))
    .map((mark) => mark.slice(0, -'.ready'.length))
    .filter((other) => other > name && parseWalFileName(other, segmentSize)?.kind === 'segment')
    .sort()
    .slice(0, batch);
}

async function readIfThere(host: Pick<Host, 'fs'>, path: string): Promise<Buffer | undefined> {
  try {
    return await host.fs.promises.readFile(path);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}

const invalid = (file: string, reason: string): HoldfastError =>
  new HoldfastError('WAL_SEGMENT_INVALID', { file, reason });
