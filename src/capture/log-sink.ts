import type { Lineage } from '../repository/lineages.ts';
import { putLogDocument } from '../repository/log/log-document.ts';
import { putLogPiece } from '../repository/log/put-log.ts';
import type { Repository } from '../repository/repository.ts';

/** Bytes `from` up to `to` of one WAL segment, with the index of the records that end in them. */
export interface LogSinkPiece {
  /** The timeline, decimal. */
  readonly branch: string;
  readonly segment: string;
  readonly from: number;
  readonly to: number;
  readonly segmentSize: number;
  readonly bytes: Buffer;
  readonly index: Buffer;
}

/** Where the log goes: a call that resolved is durable in the repository. */
export interface LogSink {
  putPiece(piece: LogSinkPiece): Promise<void>;
  /** A timeline history, by its file name. */
  putDocument(name: string, bytes: Buffer): Promise<void>;
}

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
