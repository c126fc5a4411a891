import { coveredPrefix } from '../../content/covered-prefix.ts';
import { isHoldfastError } from '../../errors/holdfast-error.ts';
import { listLog } from '../../repository/log/list-log.ts';
import type { LogPiece } from '../../repository/log/log-piece.ts';
import { readLogSegment } from '../../repository/log/segment.ts';
import type { Repository } from '../../repository/repository.ts';
import type { SegmentCoverage } from './coverage.ts';

/** The bytes a segment is known to cover, joined from its pieces. */
export async function readCoveredSegment(options: {
  readonly repository: Repository;
  readonly segment: SegmentCoverage;
}): Promise<Buffer> {
  const { repository, segment } = options;
  try {
    return await joined(options);
  } catch (error) {
    // A piece makes way for its whole segment: whoever listed before that looks again.
    if (!isHoldfastError(error, 'STORE_ABSENT')) throw error;
    const pieces: LogPiece[] = [];
    const branch = String(segment.timeline);
    const lineage = segment.pieces[0]?.lineage ?? '';
    for await (const piece of listLog({ repository, lineage, branch })) {
      if (piece.segment === segment.name) pieces.push(piece);
    }
    if (coveredPrefix(pieces) < segment.covered) throw error;
    return await joined({ repository, segment: { ...segment, pieces } });
  }
}

async function joined(options: {
  readonly repository: Repository;
  readonly segment: SegmentCoverage;
}): Promise<Buffer> {
  const { repository, segment } = options;
  const prefix = coveredPrefix(segment.pieces);
  const pieces = segment.pieces.filter(({ to }) => to <= prefix);
  const { bytes } = await readLogSegment({ repository, pieces });
  return bytes.subarray(0, segment.covered);
}
