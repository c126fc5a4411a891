import type { Repository } from '../repository.ts';
import { type LogPiece, logPrefix, parseLogPieceKey } from './log-piece.ts';

/** Every piece of a lineage, or of one branch, in key order: by branch, segment, offset. */
export async function* listLog(options: {
  repository: Repository;
  lineage: string;
  branch?: string;
}): AsyncGenerator<LogPiece> {
  const { repository, lineage, branch } = options;
  for await (const object of repository.store.list(logPrefix(lineage, branch))) {
    const range = parseLogPieceKey(object.key);
    if (range) yield { ...range, ...object };
  }
}
