import { HoldfastError } from '../../../errors/holdfast-error.ts';

/** The server never sends more than 1 GiB − 1 in one message. */
const MAX_LENGTH = 0x3fff_ffff;
const HEADER = 5;

export type OnMessage = (type: number, payload: Buffer) => void;

/**
 * Cuts a byte stream into messages, in place: a payload is a view of the chunk it came in, valid
 * only during the call. Only a message split between chunks is copied.
 *
 * While paused nothing is delivered: what came in is kept (copied, since chunks are reused).
 */
export class MessageReader {
  readonly #onMessage: OnMessage;
  #split: Buffer = Buffer.alloc(0);
  #splitLength = 0;
  #paused = false;
  #kept: Buffer[] = [];

  constructor(onMessage: OnMessage) {
    this.#onMessage = onMessage;
  }

  /** `chunk` may be reused by the caller afterwards. */
  push(chunk: Buffer): void {
    if (this.#paused) {
      if (chunk.length > 0) this.#kept.push(Buffer.from(chunk));
      return;
    }
    let at = this.#splitLength > 0 ? this.#completeSplit(chunk) : 0;
    while (!this.#paused && chunk.length - at >= HEADER) {
      const end = at + 1 + this.#lengthAt(chunk, at);
      if (end > chunk.length) break;
      const start = at;
      at = end;
      this.#onMessage(chunk[start]!, chunk.subarray(start + HEADER, end));
    }
    if (at === chunk.length) return;
    if (this.#paused) this.#kept.push(Buffer.from(chunk.subarray(at)));
    else this.#beginSplit(chunk.subarray(at));
  }

  pause(): void {
    this.#paused = true;
  }

  /** Delivers what was kept; a handler may pause again meanwhile. */
  resume(): void {
    this.#paused = false;
    while (!this.#paused && this.#kept.length > 0) {
      const kept = this.#kept;
      this.#kept = [];
      for (const chunk of kept) this.push(chunk);
    }
  }

  get paused(): boolean {
    return this.#paused;
  }

  #lengthAt(bytes: Buffer, at: number): number {
    const length = bytes.readInt32BE(at + 1);
    if (length < 4 || length > MAX_LENGTH) {
      throw new HoldfastError('POSTGRES_PROTOCOL', {
        reason: `a message of type ${bytes[at]} announces ${length} bytes`,
      });
    }
    return length;
  }

  #beginSplit(tail: Buffer): void {
    this.#reserve(tail.length);
    tail.copy(this.#split, 0);
    this.#splitLength = tail.length;
  }

  /** Answers how many bytes of `chunk` were used. */
  #completeSplit(chunk: Buffer): number {
    let used = this.#take(chunk, 0, HEADER);
    if (this.#splitLength < HEADER) return used;
    const whole = 1 + this.#lengthAt(this.#split, 0);
    used += this.#take(chunk, used, whole);
    if (this.#splitLength < whole) return used;
    this.#splitLength = 0;
    this.#onMessage(this.#split[0]!, this.#split.subarray(HEADER, whole));
    return used;
  }

  #take(chunk: Buffer, from: number, upTo: number): number {
    const length = Math.min(Math.max(0, upTo - this.#splitLength), chunk.length - from);
    if (length === 0) return 0;
    this.#reserve(upTo);
    chunk.copy(this.#split, this.#splitLength, from, from + length);
    this.#splitLength += length;
    return length;
  }

  #reserve(capacity: number): void {
    if (this.#split.length >= capacity) return;
    const grown = Buffer.allocUnsafe(Math.max(capacity, 64 * 1024));
    this.#split.copy(grown, 0, 0, this.#splitLength);
    this.#split = grown;
  }
}
