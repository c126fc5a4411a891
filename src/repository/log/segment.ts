import { HoldfastError } from '../../errors/holdfast-error.ts';
import type { Repository } from '../repository.ts';
import type { LogPiece } from './log-piece.ts';
import { readLogPiece } from './read-log.ts';

/**
 * The beginning of a segment, joined from its pieces: in any order, overlapping or repeated as
 * followers that started anew leave them. Answers the bytes from 0 up to `to`.
 *
 * LOG_GAP when they leave a hole before the furthest of them, or do not begin at 0;
 * LOG_CONFLICT when two pieces hold different bytes for one place.
 */
export async function readLogSegment(options: {
  repository: Repository;
  /** Of one segment; at least one. */
  pieces: readonly LogPiece[];
}): Promise<{ bytes: Buffer; to: number }> {
  const { repository, pieces } = options;
  const to = Math.max(0, ...pieces.map((piece) => piece.to));
  // The common case, a whole segment in one piece: 16 MiB need not be copied again.
  const all = pieces.find((piece) => piece.from === 0 && piece.to === to);
  if (all) return { bytes: await readLogPiece({ repository, piece: all }), to };
  const bytes = Buffer.allocUnsafe(to);
  let at = 0;
  while (at < to) {
    const piece = furthest(pieces, at);
    if (piece === undefined) throw gap(pieces, at);
    const read = await readLogPiece({ repository, piece });
    const known = at - piece.from;
    if (!read.subarray(0, known).equals(bytes.subarray(piece.from, at))) {
      throw new HoldfastError('LOG_CONFLICT', { key: piece.key });
    }
    read.copy(bytes, at, known);
    at = piece.to;
  }
  return { bytes, to };
}

/** Of the pieces that hold byte `at`, the one that reaches furthest. */
function furthest(pieces: readonly LogPiece[], at: number): LogPiece | undefined {
  return pieces
    .filter((piece) => piece.from <= at && piece.to > at)
    .reduce<LogPiece | undefined>(
      (best, piece) => (best === undefined || piece.to > best.to ? piece : best),
      undefined,
    );
}

function gap(pieces: readonly LogPiece[], at: number): HoldfastError {
  const after = pieces.filter((piece) => piece.from > at).sort((a, b) => a.from - b.from)[0];
  return new HoldfastError('LOG_GAP', {
    segment: pieces[0]?.segment ?? '',
    at,
    next: after?.from ?? at,
  });
}
