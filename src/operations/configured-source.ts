import type { PostgresSource } from '../capture/source.ts';
import type { Endpoint, SourceConfig } from '../config/config.ts';
import { readPassword } from '../config/password-file.ts';
import type { Warning } from '../config/warning.ts';
import type { WantedRole } from '../engines/postgres/protocol/connect.ts';
import type { TlsOptions } from '../engines/postgres/protocol/tls.ts';
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
  return {
    name: config.name,
    reach: async ({ physical }) => {
      const [first, ...others] = config.hosts.map(address);
      const [endpoint] = config.hosts;
      if (!first || !endpoint) throw new Error('parse-config admits no source without a host');
      const database = physical ? 'replication' : config.database;
      const password = await readPassword({ source: config, endpoint, database, ...context });
      for (const warning of password.warnings) onWarning?.(warning);
      return {
        ...first,
        otherHosts: others,
        user: config.user,
        password: password.value,
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
  { tls }: SourceConfig,
): Promise<TlsOptions> {
  const read = async (path: string | undefined) =>
    path === undefined ? undefined : await host.fs.promises.readFile(path, 'utf8');
  const [ca, certificate, key] = await Promise.all([
    read(tls.caFile),
    read(tls.certFile),
    read(tls.keyFile),
  ]);
  return {
    mode: tls.mode,
    ...(ca !== undefined && { ca }),
    ...(certificate !== undefined && { certificate }),
    ...(key !== undefined && { key }),
  };
}
