import { HoldfastError } from '../../../../errors/holdfast-error.ts';
import type { LogSink, LogSinkPiece } from '../log-sink.ts';
import type { SegmentIndex } from '../segment-index.ts';
import { decodeSegmentIndex } from '../segment-index-codec.ts';

/** Keeps the log in memory; `fault` runs before each call and may throw or never resolve. */
export class MemoryLog implements LogSink {
  readonly pieces: LogSinkPiece[] = [];
  readonly documents = new Map<string, Buffer>();
  fault: (what: LogSinkPiece | string) => Promise<void> = async () => undefined;

  async putPiece(piece: LogSinkPiece): Promise<void> {
    await this.fault(piece);
    const same = this.pieces.find(
      ({ branch, segment, from, to }) =>
        branch === piece.branch &&
        segment === piece.segment &&
        from === piece.from &&
        to === piece.to,
    );
    if (same && !same.bytes.equals(piece.bytes)) {
      throw new HoldfastError('STORE_EXISTS', { key: piece.segment });
    }
    if (!same) this.pieces.push({ ...piece, bytes: Buffer.from(piece.bytes) });
  }

  async putDocument(name: string, bytes: Buffer): Promise<void> {
    await this.fault(name);
    this.documents.set(name, bytes);
  }

  /** Segment name → its bytes from 0 on, joined without a hole. */
  segments(branch = '1'): Map<string, Buffer> {
    const joined = new Map<string, Buffer>();
    const sorted = this.pieces
      .filter((piece) => piece.branch === branch)
      .sort((a, b) => (a.segment < b.segment ? -1 : a.segment > b.segment ? 1 : a.from - b.from));
    for (const { segment, from, to, bytes } of sorted) {
      const held = joined.get(segment) ?? Buffer.alloc(0);
      if (from > held.length) throw new Error(`a hole in ${segment} at ${held.length}`);
      if (to <= held.length) continue;
      joined.set(segment, Buffer.concat([held, bytes.subarray(held.length - from)]));
    }
    return joined;
  }

  whole(branch = '1'): string[] {
    return this.pieces
      .filter((piece) => piece.branch === branch && piece.to - piece.from === piece.segmentSize)
      .map(({ segment }) => segment);
  }

  indexes(branch = '1'): SegmentIndex[] {
    return this.pieces
      .filter((piece) => piece.branch === branch)
      .map(({ index }) => decodeSegmentIndex(index));
  }
}
