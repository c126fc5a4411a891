import { HoldfastError, isHoldfastError } from '../../../errors/holdfast-error.ts';
import { Connection, type SessionMode } from './connection.ts';
import { type Address, addressText, isSocketDirectory, openChannel } from './open-channel.ts';
import type { Peer } from './server-error.ts';
import { startSession } from './startup.ts';
import { type TlsOptions, tlsAttempts, tlsClientCertificateError, tlsTrustError } from './tls.ts';
import { cancelRequest } from './wire.ts';

export type WantedRole = 'any' | 'primary' | 'standby' | 'prefer-standby';

export interface ConnectOptions {
  /** A host name or address, or the directory of a Unix socket. */
  readonly host: string;
  readonly port: number;
  /** Tried in order after `host`. */
  readonly otherHosts?: readonly OtherHost[];
  readonly user: string;
  readonly password?: string | undefined;
  /** The user's name when absent, as everywhere in PostgreSQL. */
  readonly database?: string | undefined;
  /** `true`: physical (replication commands and SHOW); `'database'`: those and SQL. */
  readonly replication?: boolean | 'database';
  readonly applicationName: string;
  /** `prefer` when absent. */
  readonly tls?: TlsOptions;
  readonly wantedRole?: WantedRole;
  /** Per host, until the session is ready. */
  readonly connectTimeoutMs?: number;
  readonly signal?: AbortSignal | undefined;
}

/** `password`, also an undefined one, goes before that of the options. */
export type OtherHost = Address & { readonly password?: string | undefined };

const CONNECT_TIMEOUT_MS = 10_000;
const CANCEL_TIMEOUT_MS = 5_000;

/**
 * A session with the first host that answers and has the wanted role. A refusal of the
 * credentials ends the search, as in libpq: the next host would refuse them too.
 */
export async function connect(options: ConnectOptions): Promise<Connection> {
  const wanted = options.wantedRole ?? 'any';
  const hosts: OtherHost[] = [
    { host: options.host, port: options.port },
    ...(options.otherHosts ?? []),
  ];
  const passes = wanted === 'prefer-standby' ? (['standby', 'any'] as const) : [wanted];
  const failures: { readonly address: string; readonly error: unknown }[] = [];
  for (const role of passes) {
    for (const address of hosts) {
      options.signal?.throwIfAborted();
      try {
        const connection = await connectTo(address, { ...options, ...passwordOf(address) });
        const found = connection.parameters.get('in_hot_standby') === 'on' ? 'standby' : 'primary';
        if (role === 'any' || role === found) return connection;
        await connection.close();
        failures.push({ address: addressText(address), error: new Error(`it is a ${found}`) });
      } catch (error) {
        const goOn =
          isHoldfastError(error) && (error.kind === 'transient' || error.kind === 'corrupt');
        if (!goOn || (hosts.length === 1 && passes.length === 1)) throw error;
        failures.push({ address: addressText(address), error });
      }
    }
  }
  throw new HoldfastError(
    'POSTGRES_NO_SUITABLE_HOST',
    {
      address: hosts.map(addressText).join(', '),
      wanted,
      reason: failures.map(({ address, error }) => `${address}: ${messageOf(error)}`).join('; '),
    },
    { cause: failures.at(-1)?.error },
  );
}

const passwordOf = (host: OtherHost): Pick<ConnectOptions, 'password'> =>
  'password' in host ? { password: host.password } : {};

async function connectTo(address: Address, options: ConnectOptions): Promise<Connection> {
  const timeout = AbortSignal.timeout(options.connectTimeoutMs ?? CONNECT_TIMEOUT_MS);
  const tls = options.tls ?? { mode: 'prefer' };
  const attempts = isSocketDirectory(address.host) ? [tls] : tlsAttempts(tls);
  let refusal: unknown;
  for (const attempt of attempts) {
    try {
      return await attemptSession({ ...options, address, tls: attempt, timeout });
    } catch (error) {
      if (!dependsOnEncryption(error)) throw pithier(refusal, error);
      refusal = pithier(refusal, error);
    }
  }
  throw refusal;
}

/** What the server may say of the same client when it comes the other way. */
const REFUSALS: ReadonlySet<string> = new Set([
  'POSTGRES_HBA_REFUSED',
  'POSTGRES_ROLE_REFUSED',
  'POSTGRES_WRONG_PASSWORD',
  'POSTGRES_TLS_CLIENT_CERTIFICATE',
]);

function dependsOnEncryption(error: unknown): boolean {
  if (!isHoldfastError(error)) return false;
  const code = (error.cause as { readonly code?: unknown } | undefined)?.code;
  return REFUSALS.has(error.code) || (typeof code === 'string' && /^(ERR_SSL_|EPROTO)/.test(code));
}

/** Of two refusals the one that says more: of a password rather than of the way it came. */
function pithier(first: unknown, second: unknown): unknown {
  if (first === undefined) return second;
  const ofTheWay =
    isHoldfastError(second, 'POSTGRES_HBA_REFUSED') ||
    isHoldfastError(second, 'POSTGRES_TLS_REFUSED') ||
    isHoldfastError(second, 'POSTGRES_CLEARTEXT_REFUSED');
  return ofTheWay ? first : second;
}

async function attemptSession(
  options: ConnectOptions & {
    readonly address: Address;
    readonly tls: TlsOptions;
    readonly timeout: AbortSignal;
  },
): Promise<Connection> {
  const { address, tls, timeout, user, replication, applicationName } = options;
  const database = options.database ?? user;
  const mode: SessionMode = replication === true ? 'physical' : replication ? 'database' : 'sql';
  const peer: Peer = {
    address: addressText(address),
    user,
    database: mode === 'physical' ? 'replication' : database,
  };
  const signal = options.signal ? AbortSignal.any([options.signal, timeout]) : timeout;
  try {
    const channel = await openChannel({ address, tls, signal });
    const abort = () => channel.destroy(signal.reason);
    signal.addEventListener('abort', abort, { once: true });
    try {
      const session = await startSession({
        channel,
        peer,
        password: options.password,
        local: isSocketDirectory(address.host),
        requireBinding: tls.channelBinding === 'require',
        parameters: {
          user,
          ...(mode === 'physical' ? {} : { database }),
          ...(mode === 'sql' ? {} : { replication: mode === 'physical' ? 'true' : 'database' }),
          application_name: applicationName,
          client_encoding: 'UTF8',
        },
      });
      const cancel = () => void sendCancel({ address, tls, keyData: session.keyData });
      return new Connection({ channel, session, peer, mode, cancel });
    } catch (error) {
      channel.destroy();
      throw error;
    } finally {
      signal.removeEventListener('abort', abort);
    }
  } catch (error) {
    if (options.signal?.aborted) throw options.signal.reason;
    throw connectError(error, peer, timeout.aborted);
  }
}

function connectError(error: unknown, peer: Peer, timedOut: boolean): unknown {
  if (error instanceof HoldfastError) return error;
  const reason = timedOut ? 'no answer in time' : messageOf(error);
  if (error instanceof Error && tlsTrustError(error)) {
    return new HoldfastError('POSTGRES_TLS_UNTRUSTED', { ...peer, reason }, { cause: error });
  }
  if (error instanceof Error && tlsClientCertificateError(error)) {
    return new HoldfastError(
      'POSTGRES_TLS_CLIENT_CERTIFICATE',
      { ...peer, reason },
      { cause: error },
    );
  }
  return new HoldfastError('POSTGRES_UNREACHABLE', { ...peer, reason }, { cause: error });
}

/** AggregateError (several addresses of one name) has an empty message of its own. */
function messageOf(error: unknown): string {
  if (error instanceof AggregateError) return error.errors.map(messageOf).join('; ');
  return error instanceof Error ? error.message : String(error);
}

/** Nobody waits for it: a server that cannot be told finds out when it writes. */
async function sendCancel(options: {
  readonly address: Address;
  readonly tls: TlsOptions;
  readonly keyData: Buffer | undefined;
}): Promise<void> {
  if (!options.keyData) return;
  try {
    const signal = AbortSignal.timeout(CANCEL_TIMEOUT_MS);
    const channel = await openChannel({ ...options, signal });
    channel.send(cancelRequest(options.keyData));
    channel.end();
  } catch {
    // Best effort, see above.
  }
}
