import { userInfo } from 'node:os';
import { openSession } from '../capture/source.ts';
import { describeEndpoint, type Endpoint, type SourceConfig } from '../config/config.ts';
import type { Warning } from '../config/warning.ts';
import { inspect } from '../engines/postgres/inspect/inspect.ts';
import type { Inspection } from '../engines/postgres/inspect/inspection.ts';
import type { Connection } from '../engines/postgres/protocol/connection.ts';
import { type HoldfastError, isHoldfastError } from '../errors/holdfast-error.ts';
import { configuredSource } from './configured-source.ts';
import type { Context } from './contract.ts';
import { answered } from './find-postgres.ts';

export interface Found {
  /** Sentences for a person. */
  readonly found: readonly string[];
  readonly warnings: readonly Warning[];
  /** Whether a PostgreSQL answered at all. */
  readonly reached: boolean;
}

/** What runs at the source's first host, and what is missing for backups of it. */
export async function inspectSource(options: {
  readonly context: Context;
  readonly config: SourceConfig;
}): Promise<Found> {
  const { context, config } = options;
  const [endpoint] = config.hosts;
  const place = endpoint ? describeEndpoint(endpoint) : config.name;
  try {
    await using session = await open({ ...options, user: config.user });
    const inspection = await inspect({ replication: session, signal: context.signal });
    return { found: sentences(inspection, place), warnings: warningsOf(inspection), reached: true };
  } catch (error) {
    if (!isHoldfastError(error)) throw error;
    if (!answered(error)) return { found: [], warnings: [unreachable(error)], reached: false };
    if (!REFUSED.has(error.code)) {
      return { found: [`PostgreSQL at ${place}`], warnings: [plain(error)], reached: true };
    }
    return await throughAnother(options, place, error);
  }
}

/** The role does not get in. Whoever runs this may, and can see what is missing. */
async function throughAnother(
  options: { readonly context: Context; readonly config: SourceConfig },
  place: string,
  refusal: HoldfastError,
): Promise<Found> {
  const { context, config } = options;
  const { signal } = context;
  for (const user of ownNames(context)) {
    try {
      await using session = await open({ ...options, user, plain: true });
      const inspection = await inspect({ sql: session, signal });
      const exists = await roleExists(session, config.user, signal);
      const warning = exists ? plain(refusal) : missingRole(config.user, place);
      const others = warningsOf({ ...inspection, hazards: withoutRole(inspection) });
      return {
        found: sentences(inspection, place),
        warnings: [warning, ...others],
        reached: true,
      };
    } catch (error) {
      if (!isHoldfastError(error)) throw error;
    }
  }
  const warning =
    refusal.code === 'POSTGRES_HBA_REFUSED' ? plain(refusal) : noLogin(refusal, config);
  return { found: [`PostgreSQL at ${place}`], warnings: [warning], reached: true };
}

/** Refusals that a missing role can look like: SCRAM does not tell a stranger which it is. */
const REFUSED: ReadonlySet<string> = new Set([
  'POSTGRES_ROLE_REFUSED',
  'POSTGRES_WRONG_PASSWORD',
  'POSTGRES_PASSWORD_MISSING',
  'POSTGRES_HBA_REFUSED',
  'POSTGRES_REPLICATION_PRIVILEGE',
]);

const createRole = (user: string): string =>
  `CREATE ROLE ${quoteRole(user)} LOGIN REPLICATION PASSWORD '<choose one>'; GRANT pg_monitor TO ${quoteRole(user)};`;

const quoteRole = (name: string): string =>
  /^[a-z_][a-z0-9_]*$/.test(name) ? name : `"${name.replaceAll('"', '""')}"`;

async function open(options: {
  readonly context: Context;
  readonly config: SourceConfig;
  readonly user: string;
  /** A session that needs no REPLICATION. */
  readonly plain?: boolean;
}): Promise<Connection> {
  const { context, user } = options;
  const [first] = options.config.hosts;
  const config = { ...options.config, user, prefer: 'any' as const, hosts: first ? [first] : [] };
  return await openSession(configuredSource({ context, config }), {
    applicationName: 'holdfast_init',
    signal: context.signal,
    ...(!options.plain && { replication: 'database' }),
  });
}

function ownNames({ environment }: Context): string[] {
  const names = [environment.PGUSER, environment.USER];
  try {
    names.push(userInfo().username);
  } catch {
    // A user id without a name.
  }
  return [...new Set(names.filter((name): name is string => Boolean(name)))];
}

async function roleExists(
  session: Connection,
  user: string,
  signal: AbortSignal,
): Promise<boolean> {
  const literal = `'${user.replaceAll("'", "''")}'`;
  const [set] = await session.query(
    `SELECT 1 FROM pg_catalog.pg_roles WHERE rolname = ${literal}`,
    { signal },
  );
  return (set?.rows.length ?? 0) > 0;
}

function sentences(inspection: Inspection, place: string): string[] {
  const { serverVersion, serverVersionNum, settings, inRecovery, dataChecksums } = inspection;
  const onOff = (on: boolean) => (on ? 'on' : 'off');
  const summaries =
    serverVersionNum < 170_000
      ? 'no WAL summaries before PostgreSQL 17'
      : `WAL summaries ${onOff(settings.summarize_wal === 'on')}`;
  const { role } = inspection;
  return [
    `PostgreSQL ${serverVersion} at ${place}, a ${inRecovery ? 'standby' : 'primary'}`,
    `wal_level ${settings.wal_level ?? 'unknown'}, ${summaries}, page checksums ${onOff(dataChecksums)}`,
    ...(role
      ? [
          `Role ${role.name}: ${role.replication ? 'may' : 'may not'} replicate, ${role.monitor ? 'may' : 'may not'} monitor`,
        ]
      : []),
  ];
}

function warningsOf({ hazards }: Pick<Inspection, 'hazards'>): Warning[] {
  return hazards
    .filter(({ severity, code }) => severity !== 'note' || code === 'SUMMARIES_OFF')
    .map(({ message, fix }) => ({ message, hint: fix }));
}

/** Of a session that is not the source's own. */
const withoutRole = ({ hazards }: Inspection) =>
  hazards.filter(({ code }) => code !== 'ROLE_WITHOUT_REPLICATION');

const plain = ({ message, hint }: HoldfastError): Warning => ({ message, hint });

const unreachable = ({ message }: HoldfastError): Warning => ({
  message,
  hint: 'Start the server or correct its address in holdfast.yaml, then run: holdfast doctor',
});

const missingRole = (user: string, place: string): Warning => ({
  message: `PostgreSQL at ${place} has no role ${user}.`,
  hint: `As a superuser: ${createRole(user)}`,
});

const noLogin = ({ message }: HoldfastError, { user }: SourceConfig): Warning => ({
  message,
  hint: `If the role does not exist yet, as a superuser: ${createRole(user)} Then give its password in ~/.pgpass, or by password-file in holdfast.yaml.`,
});

/** The first place where a PostgreSQL answers, even if only to refuse. */
export async function firstAnswering(options: {
  readonly context: Context;
  readonly config: SourceConfig;
  readonly places: readonly Endpoint[];
}): Promise<Endpoint | undefined> {
  const { context, config, places } = options;
  for (const place of places) {
    context.signal.throwIfAborted();
    try {
      const at = { ...config, hosts: [place] };
      await using _session = await open({ context, config: at, user: config.user, plain: true });
      return place;
    } catch (error) {
      if (!isHoldfastError(error)) throw error;
      if (answered(error)) return place;
    }
  }
  return undefined;
}
