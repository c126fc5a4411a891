import { openSession } from '../../capture/source.ts';
import { describeEndpoint, type Endpoint, type SourceConfig } from '../../config/config.ts';
import { inspect } from '../../engines/postgres/inspect/inspect.ts';
import type { Inspection } from '../../engines/postgres/inspect/inspection.ts';
import { readClock } from '../../engines/postgres/inspect/sql-facts.ts';
import type { Connection } from '../../engines/postgres/protocol/connection.ts';
import { type HoldfastError, isHoldfastError } from '../../errors/holdfast-error.ts';
import { configuredSource } from '../configured-source.ts';
import type { ConfiguredContext } from '../contract.ts';
import { answered } from '../find-postgres.ts';
import { type ClockReading, readAgainst } from './clock.ts';
import { attempt, type Finding, failed, problem, warning } from './finding.ts';

/** One host of a source, asked on its own. */
export interface AskedServer {
  readonly address: string;
  readonly inspection?: Inspection;
  readonly clock?: ClockReading;
  readonly error?: HoldfastError;
  readonly findings: readonly Finding[];
}

export async function askServer(options: {
  readonly context: ConfiguredContext;
  readonly config: SourceConfig;
  readonly endpoint: Endpoint;
}): Promise<AskedServer> {
  const { context, endpoint } = options;
  const { host, signal } = context;
  const address = describeEndpoint(endpoint);
  const findings: Finding[] = [];
  const source = configuredSource({
    context,
    config: { ...options.config, hosts: [endpoint], prefer: 'any' },
    onWarning: ({ message, hint }) => findings.push(warning('source.password', message, hint)),
  });
  const open = (replication?: true | 'database') =>
    openSession(source, {
      applicationName: 'holdfast_doctor',
      signal,
      ...(replication && { replication }),
    });
  try {
    const { session, refusal } = await openToInspect(open);
    await using _session = session;
    const inspection = await inspect(
      refusal ? { sql: session, signal } : { replication: session, signal },
    );
    const readServer = async () => (await readClock(session, signal)) / 1000;
    const clock = await readAgainst(host.clock, readServer);
    const refused = refusal
      ? [failed('source.replication', refusal)]
      : await checkPhysical(() => open(true));
    return { address, inspection, clock, findings: [...findings, ...refused] };
  } catch (error) {
    if (!isHoldfastError(error)) throw error;
    return { address, error, findings };
  }
}

type Open = (replication?: true | 'database') => Promise<Connection>;

/** Whoever may not replicate may still say why. */
async function openToInspect(
  open: Open,
): Promise<{ readonly session: Connection; readonly refusal?: HoldfastError }> {
  try {
    return { session: await open('database') };
  } catch (refusal) {
    if (!isHoldfastError(refusal) || !answered(refusal)) throw refusal;
    try {
      return { session: await open(), refusal };
    } catch {
      throw refusal;
    }
  }
}

/** pg_hba.conf has a line of its own for sessions that carry the log. */
const checkPhysical = (open: Open) =>
  attempt('source.replication', async () => {
    await using _session = await open();
    return [];
  });

/** Which hosts answer, and whether they are one cluster. */
export function reachFindings(
  servers: readonly AskedServer[],
  config: SourceConfig,
): readonly Finding[] {
  const reached = servers.flatMap(({ inspection }) => inspection ?? []);
  const findings = servers.map((server): Finding => {
    const { address, inspection, error } = server;
    if (inspection) {
      const role = inspection.inRecovery ? 'standby' : 'primary';
      const message = `${address} answers: PostgreSQL ${inspection.serverVersion}, ${role}.`;
      return { name: 'source.reachable', status: 'ok', message };
    }
    if (!error) return problem('source.reachable', `${address} was not asked.`, 'holdfast doctor');
    const found = failed('source.reachable', error);
    return reached.length > 0 ? { ...found, status: 'warning' } : found;
  });
  const identities = [...new Set(reached.map(({ systemIdentifier }) => systemIdentifier))];
  if (identities.length > 1) {
    findings.push(
      problem(
        'source.identity',
        `The hosts of ${config.name} are different clusters: ${identities.join(', ')}.`,
        'Give each cluster a source of its own in holdfast.yaml.',
      ),
    );
  }
  const noPrimary = reached.length > 0 && reached.every(({ inRecovery }) => inRecovery);
  if (noPrimary && (config.prefer === 'primary' || config.follow)) {
    findings.push(
      warning(
        'source.primary',
        `No host of ${config.name} that answers is a primary.`,
        'Promote one, or add the primary to hosts in holdfast.yaml: select pg_promote();',
      ),
    );
  }
  return findings;
}
