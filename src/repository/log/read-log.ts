import { promisify } from 'node:util';
import { zstdDecompress } from 'node:zlib';
import { HoldfastError } from '../../errors/holdfast-error.ts';
import type { Repository } from '../repository.ts';
import type { LogRange } from './log-piece.ts';
import { contentMac, decodeFrames } from './piece-body.ts';
import {
  identityOf,
  openSummary,
  type PieceHeader,
  type PieceSummary,
  parseClear,
  sealedKeyContext,
} from './piece-header.ts';

/** Most heads fit the first request. */
const HEAD_GUESS = 256 << 10;
const MAX_INDEX = 64 << 20;

const decompress = promisify(zstdDecompress);

/** The bytes of a piece. KEY_WRITE_ONLY for a writer; LOG_CORRUPT when not exactly what was put. */
export async function readLogPiece(options: {
  repository: Repository;
  piece: LogRange & { readonly key: string };
}): Promise<Buffer> {
  const { repository, piece } = options;
  const { key } = piece;
  const object = await repository.store.get(key);
  const header = openHeader({ repository, key, bytes: object, piece });
  const summary = openSummary({ repository, key, header, head: object });
  const body = object.subarray(header.headLength);
  const context = {
    contentKey: openContentKey(repository, header, key),
    repository: repository.id,
    objectId: header.objectId,
    frames: header.frames,
  };
  const bytes = await decodeFrames(context, { key, body, length: piece.to - piece.from });
  if (!contentMac({ repository, range: piece, bytes }).equals(summary.contentMac)) {
    throw new HoldfastError('LOG_CORRUPT', { key, reason: 'its content has another MAC' });
  }
  return bytes;
}

/** The index that was stored with a piece; readable for every role, by a ranged GET of the head. */
export async function readLogIndex(options: {
  repository: Repository;
  piece: LogRange & { readonly key: string };
}): Promise<Buffer> {
  const { key } = options.piece;
  const { summary } = await readHead(options);
  try {
    return await decompress(summary.index, { maxOutputLength: MAX_INDEX });
  } catch (cause) {
    throw new HoldfastError('LOG_CORRUPT', { key, reason: 'its index was altered' }, { cause });
  }
}

/** The authenticated head of a stored piece. */
export async function readHead(options: {
  repository: Repository;
  piece: LogRange & { readonly key: string };
}): Promise<{ header: PieceHeader; summary: PieceSummary }> {
  const { repository, piece } = options;
  const { key } = piece;
  const begin = await repository.store.get(key, { start: 0, end: HEAD_GUESS });
  const header = openHeader({ repository, key, bytes: begin, piece });
  const rest =
    header.headLength > begin.length
      ? await repository.store.get(key, { start: begin.length, end: header.headLength })
      : Buffer.alloc(0);
  const head = Buffer.concat([begin, rest]);
  return { header, summary: openSummary({ repository, key, header, head }) };
}

/** A piece under another piece's key is damage, though it is whole. */
function openHeader(options: {
  repository: Repository;
  key: string;
  bytes: Buffer;
  piece: LogRange;
}): PieceHeader {
  const { repository, key, bytes, piece } = options;
  const corrupt = (reason: string) => new HoldfastError('LOG_CORRUPT', { key, reason });
  const header = parseClear(key, bytes);
  if (header.headLength > MAX_INDEX + HEAD_GUESS) throw corrupt('its head is damaged');
  const same =
    header.repository === repository.id &&
    header.lineage === piece.lineage &&
    header.branch === piece.branch &&
    header.segment === piece.segment &&
    header.from === piece.from &&
    header.to === piece.to &&
    header.segmentSize === piece.segmentSize;
  if (!same) throw corrupt('it belongs to another place');
  return header;
}

function openContentKey(repository: Repository, header: PieceHeader, key: string): Buffer {
  const { objectId } = header;
  const identity = identityOf({ repository: repository.id, range: header, objectId });
  try {
    return repository.keys.openPackKey(header.sealedKey, sealedKeyContext(identity));
  } catch (error) {
    if (!(error instanceof HoldfastError) || error.kind !== 'corrupt') throw error;
    throw new HoldfastError(
      'LOG_CORRUPT',
      { key, reason: 'its key was altered' },
      { cause: error },
    );
  }
}
