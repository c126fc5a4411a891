import type { PostgresSource } from '../capture/source.ts';
import type { Endpoint, SourceConfig } from '../config/config.ts';
import { readPassword } from '../config/password-file.ts';
import type { Warning } from '../config/warning.ts';
import type { WantedRole } from '../engines/postgres/protocol/connect.ts';
import type { TlsOptions } from '../engines/postgres/protocol/tls.ts';
import { HoldfastError } from '../errors/holdfast-error.ts';
import type { Context } from './contract.ts';

/** How `prefer` in holdfast.yaml reads as a search over the hosts. */
const WANTED_ROLE: Record<SourceConfig['prefer'], WantedRole> = {
  any: 'any',
  primary: 'primary',
  standby: 'prefer-standby',
};

/** A source of holdfast.yaml, with its secrets read when a session is opened and not before. */
export function configuredSource(options: {
  readonly context: Pick<Context, 'host' | 'environment'>;
  readonly config: SourceConfig;
  readonly onWarning?: (warning: Warning) => void;
}): PostgresSource {
  const { context, config, onWarning } = options;
  const told = new Set<string>();
  const warn = (warning: Warning) => {
    if (!told.has(warning.message)) onWarning?.(warning);
    told.add(warning.message);
  };
  return {
    name: config.name,
    reach: async ({ physical }) => {
      const database = physical ? 'replication' : config.database;
      const hosts = [];
      for (const endpoint of config.hosts) {
        const found = await readPassword({ source: config, endpoint, database, ...context });
        for (const warning of found.warnings) warn(warning);
        hosts.push({ ...address(endpoint), password: found.value });
      }
      const [first, ...others] = hosts;
      if (!first) throw new Error('parse-config admits no source without a host');
      return {
        ...first,
        otherHosts: others,
        user: config.user,
        database: config.database,
        wantedRole: WANTED_ROLE[config.prefer],
        tls: await tlsOptions(context, config),
      };
    },
  };
}

const address = (endpoint: Endpoint) => ({
  host: endpoint.kind === 'tcp' ? endpoint.host : endpoint.directory,
  port: endpoint.port,
});

async function tlsOptions(
  { host }: Pick<Context, 'host'>,
  { name, tls }: SourceConfig,
): Promise<TlsOptions> {
  const read = async (key: string, path: string | undefined) => {
    if (path === undefined) return undefined;
    try {
      return await host.fs.promises.readFile(path, 'utf8');
    } catch (cause) {
      const facts = { key, source: name, path, reason: (cause as Error).message };
      throw new HoldfastError('TLS_FILE_UNREADABLE', facts, { cause });
    }
  };
  const ca = await read('ca-file', tls.caFile);
  const certificate = await read('cert-file', tls.certFile);
  const key = await read('key-file', tls.keyFile);
  return {
    mode: tls.mode,
    ...(ca !== undefined && { ca }),
    ...(certificate !== undefined && { certificate }),
    ...(key !== undefined && { key }),
  };
}
