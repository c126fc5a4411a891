import net from 'node:net';
import tls from 'node:tls';
import { HoldfastError } from '../../../errors/holdfast-error.ts';
import { sslRequest } from './wire.ts';

/** libpq's `sslmode`. */
export type TlsMode = 'disable' | 'allow' | 'prefer' | 'require' | 'verify-ca' | 'verify-full';

/**
 * How a host is tried, in order. As libpq documents it, `prefer` and `allow` fall back to the
 * other way where the first is refused; a binding to the server's certificate needs TLS.
 */
export function tlsAttempts(tls: TlsOptions): readonly TlsOptions[] {
  if (tls.channelBinding === 'require') return [tls];
  if (tls.mode === 'prefer') return [tls, { ...tls, mode: 'disable' }];
  if (tls.mode !== 'allow') return [tls];
  return [
    { ...tls, mode: 'disable' },
    { ...tls, mode: 'require' },
  ];
}

export interface TlsOptions {
  readonly mode: TlsMode;
  /** PEM of the authorities to trust; the system's when absent. */
  readonly ca?: string;
  /** PEM of the client certificate and its key. */
  readonly certificate?: string;
  readonly key?: string;
  readonly passphrase?: string;
  /** `require`: only SCRAM bound to the server's certificate counts as proof of the server. */
  readonly channelBinding?: 'prefer' | 'require';
}

/** Untrusted: what the verification of OpenSSL or of the name answers. */
const UNTRUSTED =
  /^(SELF_SIGNED|DEPTH_ZERO|UNABLE_TO|CERT_|CRL_|INVALID_CA|PATH_LENGTH|HOSTNAME_MISMATCH|ERR_TLS_CERT)/;

/** True when `error` is about trust, not transport. */
export function tlsTrustError(error: Error & { code?: string }): boolean {
  return UNTRUSTED.test(error.code ?? '');
}

/** True when the server broke off because of our certificate (TLS 1.3 says so after the handshake). */
export function tlsClientCertificateError(error: Error & { code?: string }): boolean {
  return /ALERT_(CERTIFICATE|UNKNOWN_CA|BAD_CERTIFICATE|UNSUPPORTED_CERT)|ALERT_HANDSHAKE_FAILURE|CERTIFICATE_REQUIRED/.test(
    error.code ?? '',
  );
}

/**
 * Asks the server for TLS on a fresh socket and answers the socket to go on with.
 * @see https://www.postgresql.org/docs/current/protocol-flow.html#PROTOCOL-FLOW-SSL
 */
export async function negotiateTls(options: {
  readonly socket: net.Socket;
  readonly host: string;
  readonly address: string;
  readonly tls: TlsOptions;
}): Promise<net.Socket> {
  const { socket, host, address } = options;
  const answer = await askForTls(socket);
  if (answer.length !== 1) throw new HoldfastError('POSTGRES_TLS_INTERRUPTED', { address });
  if (answer[0] === 0x53) return await encrypt({ socket, host, tls: options.tls });
  if (answer[0] !== 0x4e) {
    throw new HoldfastError('POSTGRES_PROTOCOL', { reason: 'no answer to the request for TLS' });
  }
  if (options.tls.mode !== 'prefer') throw new HoldfastError('POSTGRES_TLS_REFUSED', { address });
  return socket;
}

async function askForTls(socket: net.Socket): Promise<Buffer> {
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
  const ended = () => reject(new Error('the server closed the connection'));
  const readable = () => {
    const bytes: Buffer | null = socket.read();
    if (bytes) resolve(bytes);
  };
  socket.on('readable', readable).once('close', ended).once('error', reject);
  try {
    socket.write(sslRequest());
    return await promise;
  } finally {
    socket.off('readable', readable).off('close', ended).off('error', reject);
  }
}

async function encrypt(options: {
  readonly socket: net.Socket;
  readonly host: string;
  readonly tls: TlsOptions;
}): Promise<net.Socket> {
  const { mode, ca, certificate, key, passphrase } = options.tls;
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const secure = tls.connect({
    socket: options.socket,
    host: options.host,
    ...(net.isIP(options.host) ? {} : { servername: options.host }),
    minVersion: 'TLSv1.2',
    rejectUnauthorized: mode === 'verify-ca' || mode === 'verify-full',
    ...(mode === 'verify-full' ? {} : { checkServerIdentity: () => undefined }),
    ...(ca === undefined ? {} : { ca }),
    ...(certificate === undefined ? {} : { cert: certificate }),
    ...(key === undefined ? {} : { key }),
    ...(passphrase === undefined ? {} : { passphrase }),
  });
  const ended = () => reject(new Error('the server closed the connection in the TLS handshake'));
  secure.once('secureConnect', resolve).once('error', reject).once('close', ended);
  try {
    await promise;
  } finally {
    secure.off('secureConnect', resolve).off('error', reject).off('close', ended);
  }
  return secure;
}
