import { createHash, randomBytes, X509Certificate } from 'node:crypto';
import { TLSSocket } from 'node:tls';
import { HoldfastError } from '../../../errors/holdfast-error.ts';
import { serverEndPoint } from './certificate-hash.ts';
import type { Channel } from './channel.ts';
import { ScramClient } from './scram.ts';
import { type Peer, serverError } from './server-error.ts';
import { parseServerMessage } from './server-message.ts';
import {
  AUTHENTICATION,
  BACKEND,
  password as passwordMessage,
  saslInitialResponse,
  saslResponse,
  startupMessage,
} from './wire.ts';

export interface Session {
  /** ParameterStatus: server_version, in_hot_standby, TimeZone … */
  readonly parameters: Map<string, string>;
  /** Body of BackendKeyData, for a cancel request. */
  readonly keyData: Buffer | undefined;
}

interface Message {
  readonly type: number;
  readonly payload: Buffer;
}

/** Startup, authentication and parameters, up to the first ReadyForQuery. */
export async function startSession(options: {
  readonly channel: Channel;
  readonly peer: Peer;
  readonly password?: string | undefined;
  readonly parameters: Readonly<Record<string, string>>;
  readonly local: boolean;
  readonly requireBinding: boolean;
}): Promise<Session> {
  const { channel, peer } = options;
  const messages = new MessageQueue();
  channel.listen(messages);
  channel.send(startupMessage(options.parameters));
  const authentication = new Authentication(options);
  const parameters = new Map<string, string>();
  let keyData: Buffer | undefined;
  for (;;) {
    const { type, payload } = await messages.next();
    switch (type) {
      case BACKEND.Authentication:
        await authentication.answer(payload);
        break;
      case BACKEND.ParameterStatus: {
        const [name = '', value = ''] = payload.toString('utf8').split('\0');
        parameters.set(name, value);
        break;
      }
      case BACKEND.BackendKeyData:
        keyData = payload;
        break;
      case BACKEND.ErrorResponse:
        throw serverError(parseServerMessage(payload), peer);
      case BACKEND.ReadyForQuery:
        authentication.finish();
        return { parameters, keyData };
      case BACKEND.NoticeResponse:
      case BACKEND.NegotiateProtocolVersion:
        break;
      default:
        throw new HoldfastError('POSTGRES_PROTOCOL', { reason: `message ${type} at startup` });
    }
  }
}

/** Turns deliveries into `await`; payloads are copied, since startup messages are few and small. */
class MessageQueue {
  readonly #messages: Message[] = [];
  #waiting: PromiseWithResolvers<Message> | undefined;
  #closed: Error | undefined;

  message(type: number, payload: Buffer): void {
    const message = { type, payload: Buffer.from(payload) };
    if (!this.#waiting) this.#messages.push(message);
    else {
      this.#waiting.resolve(message);
      this.#waiting = undefined;
    }
  }

  closed(cause?: Error): void {
    this.#closed = cause ?? new Error('the server closed the connection during startup');
    this.#waiting?.reject(this.#closed);
    this.#waiting = undefined;
  }

  async next(): Promise<Message> {
    const message = this.#messages.shift();
    if (message) return message;
    if (this.#closed) throw this.#closed;
    this.#waiting = Promise.withResolvers<Message>();
    return await this.#waiting.promise;
  }
}

class Authentication {
  readonly #channel: Channel;
  readonly #peer: Peer;
  readonly #password: string | undefined;
  readonly #local: boolean;
  readonly #requireBinding: boolean;
  #scram: ScramClient | undefined;
  #state: 'open' | 'scram' | 'proven' = 'open';

  constructor(options: {
    readonly channel: Channel;
    readonly peer: Peer;
    readonly password?: string | undefined;
    readonly local: boolean;
    readonly requireBinding: boolean;
  }) {
    this.#channel = options.channel;
    this.#peer = options.peer;
    this.#password = options.password;
    this.#local = options.local;
    this.#requireBinding = options.requireBinding;
  }

  async answer(payload: Buffer): Promise<void> {
    const rest = payload.subarray(4);
    switch (payload.readInt32BE(0)) {
      case AUTHENTICATION.Ok:
        this.finish();
        return;
      case AUTHENTICATION.CleartextPassword:
        // A Unix socket never leaves the machine; PAM and LDAP have no other way there.
        if (!this.#encrypted && !this.#local) throw this.#error('POSTGRES_CLEARTEXT_REFUSED');
        this.#channel.send(passwordMessage(this.#requirePassword()));
        return;
      case AUTHENTICATION.MD5Password: {
        const inner = md5(this.#requirePassword() + this.#peer.user);
        this.#channel.send(passwordMessage(`md5${md5(inner, rest.subarray(0, 4))}`));
        return;
      }
      case AUTHENTICATION.SASL:
        this.#beginScram(rest.toString('latin1').split('\0').filter(Boolean));
        return;
      case AUTHENTICATION.SASLContinue:
        await this.#continueScram(rest.toString('utf8'));
        return;
      case AUTHENTICATION.SASLFinal:
        if (!this.#scram?.provesServer(rest.toString('utf8'))) {
          throw this.#error('POSTGRES_SERVER_UNPROVEN', 'its SCRAM signature is wrong');
        }
        this.#state = 'proven';
        return;
      default:
        throw this.#error(
          'POSTGRES_AUTHENTICATION_UNSUPPORTED',
          `authentication request ${payload.readInt32BE(0)}`,
        );
    }
  }

  /** An impostor that skips the last step of SCRAM must not pass for the server. */
  finish(): void {
    if (this.#state === 'scram') {
      throw this.#error('POSTGRES_SERVER_UNPROVEN', 'it skipped the last step of SCRAM');
    }
    const bound = this.#state === 'proven' && this.#scram?.mechanism === 'SCRAM-SHA-256-PLUS';
    if (this.#requireBinding && !bound) {
      throw this.#error('POSTGRES_SERVER_UNPROVEN', 'it did not use channel binding');
    }
  }

  #beginScram(offered: readonly string[]): void {
    const binding = this.#channelBinding();
    const bind = binding !== undefined && offered.includes('SCRAM-SHA-256-PLUS');
    if (!bind && !offered.includes('SCRAM-SHA-256')) {
      throw this.#error('POSTGRES_AUTHENTICATION_UNSUPPORTED', offered.join(', '));
    }
    this.#scram = new ScramClient({
      password: this.#requirePassword(),
      nonce: randomBytes(18),
      binding: bind ? binding : undefined,
      couldBind: binding !== undefined,
    });
    this.#state = 'scram';
    this.#channel.send(saslInitialResponse(this.#scram.mechanism, this.#scram.clientFirst));
  }

  async #continueScram(serverFirst: string): Promise<void> {
    try {
      if (!this.#scram) throw new RangeError('SCRAM continues before it began');
      this.#channel.send(saslResponse(await this.#scram.clientFinal(serverFirst)));
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      throw this.#error('POSTGRES_SERVER_UNPROVEN', error.message);
    }
  }

  get #encrypted(): boolean {
    return this.#channel.socket instanceof TLSSocket;
  }

  #channelBinding(): Buffer | undefined {
    const { socket } = this.#channel;
    const certificate = socket instanceof TLSSocket ? socket.getPeerX509Certificate() : undefined;
    return certificate instanceof X509Certificate ? serverEndPoint(certificate.raw) : undefined;
  }

  #requirePassword(): string {
    if (this.#password === undefined) throw this.#error('POSTGRES_PASSWORD_MISSING');
    return this.#password;
  }

  #error(
    code:
      | 'POSTGRES_AUTHENTICATION_UNSUPPORTED'
      | 'POSTGRES_CLEARTEXT_REFUSED'
      | 'POSTGRES_PASSWORD_MISSING'
      | 'POSTGRES_SERVER_UNPROVEN',
    reason = '',
  ): HoldfastError {
    return new HoldfastError(code, { ...this.#peer, reason });
  }
}

function md5(text: string, salt?: Uint8Array): string {
  const hash = createHash('md5').update(text);
  return (salt ? hash.update(salt) : hash).digest('hex');
}
