import type { LogSink } from '../engines/postgres/wal/log-sink.ts';
import type { Lineage } from '../repository/lineages.ts';
import { putLogDocument } from '../repository/log/log-document.ts';
import { putLogPiece } from '../repository/log/put-log.ts';
import type { Repository } from '../repository/repository.ts';

/** The repository as the place where a cluster's log goes. */
export function repositoryLogSink(options: {
  readonly repository: Repository;
  readonly lineage: Lineage;
}): LogSink {
  const { repository } = options;
  const lineage = options.lineage.id;
  return {
    putPiece: async (piece) => {
      await putLogPiece({ repository, lineage, ...piece });
    },
    putDocument: async (name, bytes) => {
      await putLogDocument({ repository, lineage, name, bytes });
    },
  };
}
