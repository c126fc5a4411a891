import net from 'node:net';
import { Channel, READ_BUFFER } from './channel.ts';
import { negotiateTls, type TlsOptions } from './tls.ts';

/** One place a server may listen: a host name or address, or the directory of its Unix socket. */
export interface Address {
  readonly host: string;
  readonly port: number;
}

export const isSocketDirectory = (host: string): boolean => host.startsWith('/');

export const addressText = ({ host, port }: Address): string =>
  isSocketDirectory(host) ? `${host}/.s.PGSQL.${port}` : `${host}:${port}`;

/** Probes after this long of silence, so that a dead peer ends a session that only listens. */
const KEEP_ALIVE_MS = 30_000;

/** A connected channel on which nothing but the TLS negotiation was said yet. */
export async function openChannel(options: {
  readonly address: Address;
  readonly tls: TlsOptions;
  readonly signal: AbortSignal;
}): Promise<Channel> {
  const { address, tls, signal } = options;
  const local = isSocketDirectory(address.host);
  if (!local && tls.mode !== 'disable') {
    const socket = net.connect({ host: address.host, port: address.port, noDelay: true });
    return await settled({
      socket,
      signal,
      opened: async () => {
        const secured = await negotiateTls({
          socket,
          host: address.host,
          address: addressText(address),
          tls,
        });
        return new Channel(secured);
      },
    });
  }
  let take: (chunk: Buffer) => void = () => undefined;
  const socket = net.connect({
    ...(local
      ? { path: addressText(address) }
      : { host: address.host, port: address.port, noDelay: true }),
    onread: {
      buffer: Buffer.allocUnsafe(READ_BUFFER),
      callback: (length, buffer) => {
        take(Buffer.from(buffer.buffer, buffer.byteOffset, length));
        return true;
      },
    },
  });
  return await settled({
    socket,
    signal,
    opened: async () =>
      new Channel(socket, (given) => {
        take = given;
      }),
  });
}

/** Waits for the connection and `opened`; whatever goes wrong or times out destroys the socket. */
async function settled(options: {
  readonly socket: net.Socket;
  readonly signal: AbortSignal;
  readonly opened: () => Promise<Channel>;
}): Promise<Channel> {
  const { socket, signal, opened } = options;
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const abort = () => socket.destroy(signal.reason);
  signal.addEventListener('abort', abort, { once: true });
  socket.once('connect', resolve).once('error', reject);
  try {
    signal.throwIfAborted();
    await promise;
    socket.setKeepAlive(true, KEEP_ALIVE_MS);
    return await opened();
  } catch (error) {
    socket.on('error', () => undefined);
    socket.destroy();
    throw signal.aborted ? signal.reason : error;
  } finally {
    signal.removeEventListener('abort', abort);
    socket.off('connect', resolve).off('error', reject);
  }
}
