import type { SourceConfig } from '../config/config.ts';
import { chooseSource } from '../config/load-config.ts';
import type { Lineage } from '../repository/lineages.ts';
import type { Repository } from '../repository/repository.ts';
import type { ConfiguredContext, DoctorCheck, DoctorResult, SourceRequest } from './contract.ts';
import { attempt, type Finding, problem } from './doctor/finding.ts';
import { type FollowFacts, followFacts, synchronousFinding } from './doctor/follow-checks.ts';
import { historyFacts, noSnapshot } from './doctor/history-checks.ts';
import { checkRepository } from './doctor/repository-checks.ts';
import { type AskedServer, askServer, reachFindings } from './doctor/server.ts';
import { serverFindings } from './doctor/server-checks.ts';
import { sourceLineages } from './source-lineages.ts';

/** Looks at everything the next backup and the next restore need, and changes none of it. */
export async function doctor(
  context: ConfiguredContext,
  request: SourceRequest,
): Promise<DoctorResult> {
  const { config } = context;
  const sources =
    request.source === undefined
      ? config.sources
      : [chooseSource({ config, name: request.source, command: 'holdfast doctor' })];
  const { findings, repository } = await checkRepository(context);
  const checks: DoctorCheck[] = about('repository', findings);
  for (const source of sources) {
    checks.push(...about(source.name, await checkSource({ context, source, repository })));
  }
  return { ok: checks.every(({ status }) => status !== 'problem'), checks };
}

const about = (subject: string, findings: readonly Finding[]): DoctorCheck[] =>
  findings.map(({ name, ...finding }) => ({ name, subject, ...finding }));

async function checkSource(options: {
  readonly context: ConfiguredContext;
  readonly source: SourceConfig;
  readonly repository: Repository | undefined;
}): Promise<readonly Finding[]> {
  const { context, source, repository } = options;
  const servers = await Promise.all(
    source.hosts.map((endpoint) => askServer({ context, config: source, endpoint })),
  );
  const several = servers.length > 1;
  const history = repository
    ? await checkHistory({ repository, source, servers })
    : { findings: [], alive: undefined };
  return [
    ...reachFindings(servers, source),
    ...servers.flatMap((server) => {
      const findings = [
        ...serverFindings(server, source),
        ...(server.inspection
          ? synchronousFinding({
              ...server,
              ...history,
              inspection: server.inspection,
              config: source,
            })
          : []),
      ];
      return several ? findings.map((finding) => at(server, finding)) : findings;
    }),
    ...history.findings,
  ];
}

const at = ({ address }: AskedServer, finding: Finding): Finding => ({
  ...finding,
  message: `${address}: ${finding.message}`,
});

interface History {
  readonly findings: readonly Finding[];
  readonly alive: boolean | undefined;
}

async function checkHistory(options: {
  readonly repository: Repository;
  readonly source: SourceConfig;
  readonly servers: readonly AskedServer[];
}): Promise<History> {
  const { repository, source, servers } = options;
  let lastStored: number | undefined;
  let follow: FollowFacts | undefined;
  const findings = await attempt('snapshot.newest', async () => {
    const found: Finding[] = [];
    const lineages = await sourceLineages({
      repository,
      source: source.name,
      onDamaged: ({ error }) =>
        found.push(problem('snapshot.chain', error.message, 'holdfast list')),
    });
    const lineage = currentLineage(lineages, servers);
    if (!lineage) return [...found, noSnapshot(source.name)];
    const history = await attempt('snapshot.chain', async () => {
      const facts = await historyFacts({ repository, lineage });
      lastStored = facts.lastStored;
      return facts.findings;
    });
    const following = await attempt('follow.alive', async () => {
      follow = await followFacts({ repository, lineage, config: source, lastStored });
      return [follow.finding];
    });
    return [...found, ...history, ...following];
  });
  return { findings, alive: follow?.alive };
}

/** That of the cluster that answers now; the newest where none does. */
function currentLineage(
  lineages: readonly Lineage[],
  servers: readonly AskedServer[],
): Lineage | undefined {
  const answering = servers.find(({ inspection }) => inspection)?.inspection;
  if (!answering) return lineages[0];
  return lineages.find(({ identity }) => identity === answering.systemIdentifier);
}
