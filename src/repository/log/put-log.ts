import { createHash } from 'node:crypto';
import { promisify } from 'node:util';
import { zstdCompress } from 'node:zlib';
import { HoldfastError, isHoldfastError } from '../../errors/holdfast-error.ts';
import { isKeySegment } from '../../store/key.ts';
import type { Repository } from '../repository.ts';
import { type LogRange, logPieceKey } from './log-piece.ts';
import { contentMac, encodeFrames, frameCount, hashParts } from './piece-body.ts';
import {
  encodeClear,
  identityOf,
  sealedKeyContext,
  sealSummary,
  summaryLength,
} from './piece-header.ts';
import { readHead } from './read-log.ts';

const MAX_SEGMENT = 1 << 30;
/** Of a stored piece, read back at a time. */
const CHECKED_AT_ONCE = 16 << 20;

const compress = promisify(zstdCompress);

/**
 * Stores bytes `from` up to `to` of a segment; resolved means durable.
 *
 * Needs no lease: the name is the range. The same content stored before is 'already', once what is
 * stored was read back whole; other content is LOG_CONFLICT: two servers write one timeline.
 */
export async function putLogPiece(options: {
  repository: Repository;
  lineage: string;
  branch: string;
  segment: string;
  from: number;
  to: number;
  segmentSize: number;
  bytes: Buffer;
  /** Opaque; what a reader wants to know without reading the bytes. */
  index: Buffer;
}): Promise<'stored' | 'already'> {
  const { repository, bytes } = options;
  const range: LogRange = {
    lineage: options.lineage,
    branch: options.branch,
    segment: options.segment,
    from: options.from,
    to: options.to,
    segmentSize: options.segmentSize,
  };
  assertRange(range, bytes);
  const key = logPieceKey(range);
  const mac = contentMac({ repository, range, bytes });
  const parts = await encode({ repository, range, bytes, index: options.index, mac });
  try {
    await repository.store.put(key, parts);
    return 'stored';
  } catch (error) {
    if (!isHoldfastError(error, 'STORE_EXISTS')) throw error;
    await compareStored({ repository, piece: { ...range, key }, mac });
    return 'already';
  }
}

async function encode(options: {
  repository: Repository;
  range: LogRange;
  bytes: Buffer;
  index: Buffer;
  mac: Buffer;
}): Promise<Buffer[]> {
  const { repository, range, bytes, mac } = options;
  const { random } = repository.host;
  const contentKey = random.bytes(32);
  const objectId = random.bytes(16);
  const identity = identityOf({ repository: repository.id, range, objectId });
  const frames = frameCount(bytes.length);
  const context = { contentKey, repository: repository.id, objectId, frames };
  const body = await encodeFrames(context, bytes);
  const index = await compress(options.index);
  const clear = encodeClear({
    ...range,
    identity,
    sealedKey: repository.keys.sealPackKey(contentKey, sealedKeyContext(identity)),
    frames,
    summaryLength: summaryLength(index),
  });
  const summary = { contentMac: mac, framesHash: hashParts(body), index };
  const { lineage } = range;
  return [clear, sealSummary({ repository, lineage, objectId, clear, summary }), ...body];
}

/** LOG_CONFLICT unless the stored content is the same; LOG_CORRUPT when it is no longer intact. */
async function compareStored(options: {
  repository: Repository;
  piece: LogRange & { readonly key: string };
  mac: Buffer;
}): Promise<void> {
  const { repository, piece, mac } = options;
  const { key } = piece;
  const { header, summary } = await readHead({ repository, piece });
  if (!summary.contentMac.equals(mac)) throw new HoldfastError('LOG_CONFLICT', { key });
  const hash = createHash('sha256');
  for (let start = header.headLength; ; start += CHECKED_AT_ONCE) {
    const part = await repository.store.get(key, { start, end: start + CHECKED_AT_ONCE });
    hash.update(part);
    if (part.length < CHECKED_AT_ONCE) break;
  }
  if (!hash.digest().equals(summary.framesHash)) {
    throw new HoldfastError('LOG_CORRUPT', { key, reason: 'its frames were altered' });
  }
}

function assertRange(range: LogRange, bytes: Buffer): void {
  const { branch, segment, from, to, segmentSize } = range;
  const whole = [from, to, segmentSize].every(Number.isSafeInteger);
  const ordered = 0 <= from && from < to && to <= segmentSize && segmentSize <= MAX_SEGMENT;
  const named = /^[0-9]{1,10}$/.test(branch) && isKeySegment(segment);
  if (whole && ordered && named && bytes.length === to - from) return;
  const reason = `log piece ${branch}/${segment} ${from}-${to} of ${segmentSize}, ${bytes.length} bytes`;
  throw new HoldfastError('INTERNAL', { reason });
}
