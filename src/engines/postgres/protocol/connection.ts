import { HoldfastError } from '../../../errors/holdfast-error.ts';
import { Call, type ExchangeHandlers, type RawResultSet, type ResultSet } from './call.ts';
import type { Channel } from './channel.ts';
import { type Peer, serverError } from './server-error.ts';
import { parseServerMessage, type ServerMessage } from './server-message.ts';
import type { Session } from './startup.ts';
import { BACKEND, copyData, copyDone, copyFail, query, terminate } from './wire.ts';

/** What the session may do: SQL; replication commands and SHOW; or both. */
export type SessionMode = 'sql' | 'physical' | 'database';

export interface CallOptions {
  readonly signal?: AbortSignal | undefined;
  readonly notice?: (notice: ServerMessage) => void;
}

/** The two-way stream of START_REPLICATION. */
export interface CopyBoth {
  /** False when the server had nothing to stream and answered with result sets alone. */
  readonly streaming: boolean;
  /** One CopyData message; false when the caller should await `drained()`. */
  send(payload: Uint8Array): boolean;
  /** CopyDone: this side will send no more. Done by itself when the server finishes first. */
  finish(): void;
  /** The result sets after the stream; rejects when the stream or the connection failed. */
  readonly ended: Promise<ResultSet[]>;
}

/**
 * One session. One call at a time; every call settles: with its results, with what the server
 * said, or with POSTGRES_CONNECTION_LOST when the connection ends. An aborted call destroys the
 * connection, since the protocol has no way to take a request back.
 */
export class Connection {
  readonly peer: Peer;
  readonly mode: SessionMode;
  readonly #channel: Channel;
  readonly #session: Session;
  readonly #cancel: () => void;
  #call: Call | undefined;
  #ended: Error | undefined;

  constructor(options: {
    readonly channel: Channel;
    readonly session: Session;
    readonly peer: Peer;
    readonly mode: SessionMode;
    /** Asks the server, over another connection, to stop what this one runs. Best effort. */
    readonly cancel: () => void;
  }) {
    this.peer = options.peer;
    this.mode = options.mode;
    this.#channel = options.channel;
    this.#session = options.session;
    this.#cancel = options.cancel;
    this.#channel.listen({
      message: (type, payload) => this.#message(type, payload),
      closed: (cause, broken) => this.#closed(cause, broken),
    });
  }

  get parameters(): ReadonlyMap<string, string> {
    return this.#session.parameters;
  }

  /** 140023 for 14.23; a beta or development version counts as minor 0. */
  get serverVersionNum(): number {
    const match = /^(\d+)(?:\.(\d+))?/.exec(this.parameters.get('server_version') ?? '');
    return Number(match?.[1] ?? 0) * 10_000 + Number(match?.[2] ?? 0);
  }

  get open(): boolean {
    return this.#ended === undefined;
  }

  /** Simple query protocol: one result set per statement. */
  async query(sql: string, options: CallOptions = {}): Promise<ResultSet[]> {
    return textual(await this.exchange(sql, {}, options));
  }

  /** As `query`, with the values as they came: for bytes that need not be text. */
  async queryRaw(sql: string, options: CallOptions = {}): Promise<RawResultSet[]> {
    return await this.exchange(sql, {}, options);
  }

  /** `query`, with COPY OUT streams handed to `handlers` as they come. */
  async exchange(
    sql: string,
    handlers: ExchangeHandlers,
    options: CallOptions = {},
  ): Promise<RawResultSet[]> {
    return await this.#begin(sql, handlers, options).settled;
  }

  /** A COPY IN: the chunks go out as CopyData messages. */
  async copyIn(
    sql: string,
    chunks: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
    options: CallOptions = {},
  ): Promise<ResultSet[]> {
    const invited = Promise.withResolvers<void>();
    const call = this.#begin(sql, { copyIn: () => invited.resolve() }, options);
    await Promise.race([invited.promise, call.settled]);
    try {
      for await (const chunk of chunks) {
        if (call.done) break;
        if (!this.#channel.send(copyData(chunk))) await this.#channel.drained();
      }
      if (!call.done) this.#channel.send(copyDone());
    } catch (error) {
      this.#channel.send(copyFail('the source of the copy failed'));
      await call.settled.catch(() => undefined);
      throw error;
    }
    return textual(await call.settled);
  }

  /** Resolves when the stream is open (or the server had nothing to stream). */
  async copyBoth(
    sql: string,
    handlers: Pick<ExchangeHandlers, 'data'>,
    options: CallOptions = {},
  ): Promise<CopyBoth> {
    let finished = false;
    const finish = () => {
      if (!finished) this.#channel.send(copyDone());
      finished = true;
    };
    const started = Promise.withResolvers<boolean>();
    const call = this.#begin(
      sql,
      { ...handlers, copyBoth: () => started.resolve(true), copyDone: finish },
      options,
    );
    const ended = call.settled.then(textual);
    ended.catch(() => undefined);
    const streaming = await Promise.race([started.promise, ended.then(() => false)]);
    return {
      streaming,
      send: (payload) => call.done || this.#channel.send(copyData(payload)),
      finish,
      ended,
    };
  }

  /** No handler is called until `resume`; the server is held back by TCP. */
  pause(): void {
    this.#channel.pause();
  }

  resume(): void {
    this.#channel.resume();
  }

  /** Resolves when what was sent left this process. */
  async drained(): Promise<void> {
    await this.#channel.drained();
  }

  /** Ends the session; a call still running rejects. Idempotent. */
  async close(): Promise<void> {
    if (this.#ended) return;
    if (this.#call) this.destroy(new Error('the session was closed'));
    else {
      this.#channel.send(terminate());
      this.#channel.end();
      this.#closed(new Error('the session was closed'), false);
    }
  }

  destroy(cause?: Error): void {
    this.#channel.destroy(cause);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #begin(sql: string, handlers: ExchangeHandlers, options: CallOptions): Call {
    if (this.#call) throw new HoldfastError('INTERNAL', { reason: 'two calls on one connection' });
    const { signal } = options;
    signal?.throwIfAborted();
    if (this.#ended) throw this.#ended;
    const call = new Call({ peer: this.peer, handlers, notice: options.notice });
    this.#call = call;
    const abort = () => {
      this.#cancel();
      this.destroy(signal?.reason);
    };
    signal?.addEventListener('abort', abort, { once: true });
    call.settled.catch(() => undefined).finally(() => signal?.removeEventListener('abort', abort));
    this.#channel.send(query(sql));
    return call;
  }

  #message(type: number, payload: Buffer): void {
    if (type === BACKEND.ParameterStatus) {
      const [name = '', value = ''] = payload.toString('utf8').split('\0');
      this.#session.parameters.set(name, value);
    } else if (this.#call) {
      if (this.#call.message(type, payload)) this.#call = undefined;
    } else if (type === BACKEND.ErrorResponse) {
      // Said unasked: the reason for the end that follows.
      this.destroy(serverError(parseServerMessage(payload), this.peer));
    }
  }

  /** Errors of the catalogue, of a handler and of an abort pass as they are. */
  #closed(cause: Error | undefined, broken: boolean): void {
    if (this.#ended) return;
    const reason = cause?.message ?? 'the server closed it';
    this.#ended =
      cause && !broken
        ? cause
        : new HoldfastError('POSTGRES_CONNECTION_LOST', { ...this.peer, reason }, { cause });
    const call = this.#call;
    this.#call = undefined;
    call?.fail(call.serverSaid ?? this.#ended);
  }
}

const textual = (sets: readonly RawResultSet[]): ResultSet[] =>
  sets.map((set) => ({
    ...set,
    rows: set.rows.map((row) => row.map((value) => value?.toString('utf8') ?? null)),
  }));
