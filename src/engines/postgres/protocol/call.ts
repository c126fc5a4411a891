import { HoldfastError } from '../../../errors/holdfast-error.ts';
import { type Peer, serverError } from './server-error.ts';
import { parseServerMessage, type ServerMessage } from './server-message.ts';
import { BACKEND } from './wire.ts';

interface Rows<Value> {
  readonly columns: readonly string[];
  readonly rows: readonly (readonly (Value | null)[])[];
  /** CommandComplete: `SELECT 3`. */
  readonly tag: string;
}
export type ResultSet = Rows<string>;
export type RawResultSet = Rows<Buffer>;

/** Called in the order of the messages; what they throw ends the connection. */
export interface ExchangeHandlers {
  /** A result set is complete. */
  readonly result?: (set: RawResultSet) => void;
  readonly copyOut?: () => void;
  readonly copyIn?: () => void;
  readonly copyBoth?: () => void;
  /** One CopyData payload, borrowed: valid only during the call. */
  readonly data?: (payload: Buffer) => void;
  readonly copyDone?: () => void;
}

/** One simple query, from its Query message to ReadyForQuery. */
export class Call {
  readonly settled: Promise<RawResultSet[]>;
  readonly #peer: Peer;
  readonly #handlers: ExchangeHandlers;
  readonly #notice: ((notice: ServerMessage) => void) | undefined;
  readonly #resolve: (sets: RawResultSet[]) => void;
  readonly #reject: (error: Error) => void;
  readonly #sets: RawResultSet[] = [];
  #columns: string[] = [];
  #rows: (Buffer | null)[][] = [];
  #error: HoldfastError | undefined;
  #done = false;

  constructor(options: {
    readonly peer: Peer;
    readonly handlers: ExchangeHandlers;
    readonly notice?: ((notice: ServerMessage) => void) | undefined;
  }) {
    this.#peer = options.peer;
    this.#handlers = options.handlers;
    this.#notice = options.notice;
    const { promise, resolve, reject } = Promise.withResolvers<RawResultSet[]>();
    this.settled = promise;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  get done(): boolean {
    return this.#done;
  }

  /** The ErrorResponse of this call, even if its ReadyForQuery never came. */
  get serverSaid(): HoldfastError | undefined {
    return this.#error;
  }

  fail(error: Error): void {
    this.#done = true;
    this.#reject(error);
  }

  /** True when the call is over. */
  message(type: number, payload: Buffer): boolean {
    switch (type) {
      case BACKEND.CopyData:
        this.#handlers.data?.(payload);
        return false;
      case BACKEND.RowDescription:
        this.#columns = columnNames(payload);
        this.#rows = [];
        return false;
      case BACKEND.DataRow:
        this.#rows.push(values(payload));
        return false;
      case BACKEND.CommandComplete:
        this.#complete(payload.toString('utf8', 0, payload.length - 1));
        return false;
      case BACKEND.CopyOutResponse:
        this.#handlers.copyOut?.();
        return false;
      case BACKEND.CopyInResponse:
        this.#handlers.copyIn?.();
        return false;
      case BACKEND.CopyBothResponse:
        this.#handlers.copyBoth?.();
        return false;
      case BACKEND.CopyDone:
        this.#handlers.copyDone?.();
        return false;
      case BACKEND.ErrorResponse:
        this.#error ??= serverError(parseServerMessage(payload), this.#peer);
        return false;
      case BACKEND.NoticeResponse:
        this.#notice?.(parseServerMessage(payload));
        return false;
      case BACKEND.ReadyForQuery:
        this.#done = true;
        if (this.#error) this.#reject(this.#error);
        else this.#resolve(this.#sets);
        return true;
      case BACKEND.EmptyQueryResponse:
      case BACKEND.NotificationResponse:
        return false;
      default:
        throw new HoldfastError('POSTGRES_PROTOCOL', { reason: `message of type ${type}` });
    }
  }

  #complete(tag: string): void {
    const set = { columns: this.#columns, rows: this.#rows, tag };
    this.#columns = [];
    this.#rows = [];
    this.#sets.push(set);
    this.#handlers.result?.(set);
  }
}

/** Int16 count; per column String name, Int32 table, Int16 column, Int32 type, Int16, Int32, Int16. */
function columnNames(payload: Buffer): string[] {
  const names: string[] = [];
  let at = 2;
  for (let left = payload.readInt16BE(0); left > 0; left--) {
    const end = payload.indexOf(0, at);
    names.push(payload.toString('utf8', at, end));
    at = end + 1 + 18;
  }
  return names;
}

/** Int16 count; per value Int32 length (−1 is null), bytes. Copied: payloads are borrowed. */
function values(payload: Buffer): (Buffer | null)[] {
  const row: (Buffer | null)[] = [];
  let at = 2;
  for (let left = payload.readInt16BE(0); left > 0; left--) {
    const length = payload.readInt32BE(at);
    at += 4;
    row.push(length < 0 ? null : Buffer.from(payload.subarray(at, at + length)));
    at += Math.max(0, length);
  }
  return row;
}
