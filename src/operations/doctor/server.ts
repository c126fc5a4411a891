import { openSession } from '../../capture/source.ts';
import { describeEndpoint, type Endpoint, type SourceConfig } from '../../config/config.ts';
import { inspect } from '../../engines/postgres/inspect/inspect.ts';
import type { Inspection } from '../../engines/postgres/inspect/inspection.ts';
import { readClock } from '../../engines/postgres/inspect/sql-facts.ts';
import { type HoldfastError, isHoldfastError } from '../../errors/holdfast-error.ts';
import { configuredSource } from '../configured-source.ts';
import type { ConfiguredContext } from '../contract.ts';
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
  const applicationName = 'holdfast_doctor';
  try {
    await using session = await openSession(source, {
      replication: 'database',
      applicationName,
      signal,
    });
    const inspection = await inspect({ replication: session, signal });
    const clock = await readAgainst(
      host.clock,
      async () => (await readClock(session, signal)) / 1000,
    );
    // pg_hba.conf has a line of its own for this kind of session.
    const physical = await attempt('source.replication', async () => {
      await using _session = await openSession(source, {
        replication: true,
        applicationName,
        signal,
      });
      return [];
    });
    return { address, inspection, clock, findings: [...findings, ...physical] };
  } catch (error) {
    if (!isHoldfastError(error)) throw error;
    return { address, error, findings };
  }
}

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
