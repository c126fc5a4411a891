import { createHash, createHmac, pbkdf2, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';

/**
 * A SCRAM-SHA-256 client (RFC 5802, RFC 7677), with tls-server-end-point channel binding when
 * `binding` is given. PostgreSQL takes the user from the startup message: `n=` stays empty.
 */
export class ScramClient {
  readonly mechanism: 'SCRAM-SHA-256' | 'SCRAM-SHA-256-PLUS';
  readonly #password: string;
  readonly #header: string;
  readonly #binding: Buffer;
  readonly #nonce: string;
  #serverSignature: Buffer | undefined;

  constructor(options: {
    readonly password: string;
    readonly nonce: Buffer;
    /** Hash of the server certificate. */
    readonly binding?: Buffer | undefined;
    /** We could bind but the server did not offer it: it then detects a stripped offer. */
    readonly couldBind: boolean;
  }) {
    this.mechanism = options.binding ? 'SCRAM-SHA-256-PLUS' : 'SCRAM-SHA-256';
    this.#password = options.password;
    this.#binding = options.binding ?? Buffer.alloc(0);
    this.#nonce = options.nonce.toString('base64');
    this.#header = options.binding ? 'p=tls-server-end-point,,' : options.couldBind ? 'y,,' : 'n,,';
  }

  get clientFirst(): string {
    return `${this.#header}n=,r=${this.#nonce}`;
  }

  /** Answers client-final-message; throws RangeError when the server's first is not well formed. */
  async clientFinal(serverFirst: string): Promise<string> {
    const match = /^r=([^,]+),s=([A-Za-z0-9+/=]+),i=(\d+)(,.*)?$/.exec(serverFirst);
    if (!match) throw new RangeError('malformed server-first-message');
    const [, nonce = '', salt = '', iterations = ''] = match;
    if (!nonce.startsWith(this.#nonce) || nonce.length === this.#nonce.length) {
      throw new RangeError('the server changed our nonce');
    }
    const salted = await promisify(pbkdf2)(
      saslPrepare(this.#password),
      Buffer.from(salt, 'base64'),
      Number(iterations),
      32,
      'sha256',
    );
    const clientKey = hmac(salted, 'Client Key');
    const storedKey = createHash('sha256').update(clientKey).digest();
    const bound = Buffer.concat([Buffer.from(this.#header), this.#binding]).toString('base64');
    const withoutProof = `c=${bound},r=${nonce}`;
    const authMessage = `n=,r=${this.#nonce},${serverFirst},${withoutProof}`;
    const signature = hmac(storedKey, authMessage);
    const proof = clientKey.map((byte, index) => byte ^ signature[index]!);
    this.#serverSignature = hmac(hmac(salted, 'Server Key'), authMessage);
    return `${withoutProof},p=${Buffer.from(proof).toString('base64')}`;
  }

  /** Whether server-final-message proves that the server knows the password too. */
  provesServer(serverFinal: string): boolean {
    const given = /^v=([A-Za-z0-9+/=]+)/.exec(serverFinal)?.[1];
    if (!given || !this.#serverSignature) return false;
    const signature = Buffer.from(given, 'base64');
    return (
      signature.length === this.#serverSignature.length &&
      timingSafeEqual(signature, this.#serverSignature)
    );
  }
}

const hmac = (key: Buffer, text: string): Buffer => createHmac('sha256', key).update(text).digest();

/** RFC 4013: other spaces become a space, soft hyphens and joiners vanish, NFKC follows. */
function saslPrepare(password: string): string {
  if (/^[\x20-\x7e]*$/.test(password)) return password;
  const prepared = password
    .replace(/[\u00A0\u1680\u2000-\u200B\u202F\u205F\u3000]/g, ' ')
    .replace(
      /\u00AD|\u034F|\u1806|[\u180B-\u180D]|\u200C|\u200D|\u2060|[\uFE00-\uFE0F]|\uFEFF/g,
      '',
    )
    .normalize('NFKC');
  // Prohibited output: the server used the password as it stands, and so do we.
  return prepared === '' || /[\p{Cc}\p{Co}\p{Cs}\uFFFD]/u.test(prepared) ? password : prepared;
}
