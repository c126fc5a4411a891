/** Bytes `[from, to)` of one WAL segment, with the index of the records that end in them. */
export interface LogSinkPiece {
  /** The timeline, decimal. */
  readonly branch: string;
  readonly segment: string;
  readonly from: number;
  readonly to: number;
  readonly segmentSize: number;
  readonly bytes: Buffer;
  /** See segment-index-codec.ts. */
  readonly index: Buffer;
}

/**
 * Where the log goes. What resolved is durable there. The same piece twice is a success; other
 * content under the same range is a conflict.
 */
export interface LogSink {
  putPiece(piece: LogSinkPiece): Promise<void>;
  /** A timeline history, by its file name. */
  putDocument(name: string, bytes: Buffer): Promise<void>;
}
