import type { Endpoint } from '../config/config.ts';
import type { Environment } from '../config/environment.ts';
import { isHoldfastError } from '../errors/holdfast-error.ts';
import type { Host } from '../host/host.ts';

/** Where packages put the socket: Debian and Red Hat, then PostgreSQL's own default. */
const SOCKET_DIRECTORIES = ['/var/run/postgresql', '/run/postgresql', '/tmp'];
const DEFAULT_PORT = 5432;
export const FALLBACK: Endpoint = { kind: 'tcp', host: 'localhost', port: DEFAULT_PORT };

/** Places where a PostgreSQL of this machine may listen, the likeliest first. */
export async function postgresPlaces(options: {
  readonly host: Host;
  readonly environment: Environment;
}): Promise<Endpoint[]> {
  const { host, environment } = options;
  const port = Number(environment.PGPORT) || DEFAULT_PORT;
  const [named] = (environment.PGHOST ?? '').split(',');
  if (named) {
    return named.startsWith('/')
      ? [{ kind: 'socket', directory: named, port }]
      : [{ kind: 'tcp', host: named, port }];
  }
  const sockets: Endpoint[] = [];
  const seen = new Set<string>();
  for (const directory of SOCKET_DIRECTORIES) {
    const real = await host.fs.promises.realpath(directory).catch(() => undefined);
    if (real === undefined || seen.has(real)) continue;
    seen.add(real);
    for (const name of await host.fs.promises.readdir(real).catch(() => [])) {
      const match = /^\.s\.PGSQL\.(\d+)$/.exec(name);
      if (match) sockets.push({ kind: 'socket', directory, port: Number(match[1]) });
    }
  }
  const preferred = (endpoint: Endpoint) => (endpoint.port === port ? 0 : 1);
  sockets.sort((a, b) => preferred(a) - preferred(b) || a.port - b.port);
  return [...sockets, { ...FALLBACK, port }];
}

/** Whether this failure comes from a PostgreSQL that answered, and only refused. */
export const answered = (error: unknown): boolean =>
  isHoldfastError(error) &&
  error.code.startsWith('POSTGRES_') &&
  !['POSTGRES_UNREACHABLE', 'POSTGRES_PROTOCOL'].includes(error.code);
