import type { SourceConfig } from '../../config/config.ts';
import type { Hazard, Inspection } from '../../engines/postgres/inspect/inspection.ts';
import { clockFinding } from './clock.ts';
import { type Finding, ok, warning } from './finding.ts';
import type { AskedServer } from './server.ts';
import { slotFindings } from './slot-checks.ts';

/** Hazards with a check of their own name; the other half of such a check says that all is well. */
const NAMED: Readonly<Record<string, string>> = {
  VERSION_UNSUPPORTED: 'source.version',
  WAL_LEVEL_MINIMAL: 'source.wal-level',
  ROLE_WITHOUT_REPLICATION: 'source.role',
  CHECKSUMS_OFF: 'source.checksums',
  SUMMARIES_OFF: 'source.summaries',
  SUMMARIZER_STOPPED: 'source.summaries',
};

/** slot-checks.ts knows which slot is ours, and that nobody ever streams through it. */
const OF_SLOTS: ReadonlySet<string> = new Set([
  'SLOT_LOST',
  'SLOT_RETAINS',
  'SLOT_RETENTION_UNLIMITED',
]);

const STATUS = { blocker: 'problem', warning: 'warning', note: 'ok' } as const;

export function serverFindings(server: AskedServer, config: SourceConfig): readonly Finding[] {
  const { inspection, clock, findings, address } = server;
  if (!inspection) return findings;
  const hazards = inspection.hazards
    .filter(({ code }) => !OF_SLOTS.has(code))
    .map((hazard) => hazardFinding(hazard));
  const found = new Set(hazards.map(({ name }) => name));
  return [
    ...findings,
    ...(clock ? [clockFinding(address, clock)] : []),
    ...soundFindings(inspection).filter(({ name }) => !found.has(name)),
    ...roleFindings(inspection),
    ...hazards,
    ...unknownFindings(inspection),
    ...slotFindings(inspection, config),
  ];
}

function hazardFinding({ code, severity, message, fix }: Hazard): Finding {
  const name = NAMED[code] ?? `hazard.${code.toLowerCase().replaceAll('_', '-')}`;
  return { name, status: STATUS[severity], message, hint: fix };
}

function soundFindings(inspection: Inspection): Finding[] {
  const { serverVersion, serverVersionNum, settings, role } = inspection;
  return [
    ok('source.version', `PostgreSQL ${serverVersion} is supported.`),
    ok('source.wal-level', `wal_level is ${settings.wal_level}.`),
    ok('source.checksums', 'Page checksums are on.'),
    ok(
      'source.summaries',
      serverVersionNum < 170_000
        ? 'WAL summaries begin with PostgreSQL 17: incremental backups read everything here.'
        : 'WAL summaries are on: incremental backups read only what changed.',
    ),
    ...(role ? [ok('source.role', `The role ${role.name} may replicate.`)] : []),
  ];
}

function roleFindings({ role }: Inspection): Finding[] {
  if (!role || role.monitor || role.superuser) return [];
  return [
    warning(
      'source.monitor',
      `The role ${role.name} sees only part of the server’s state.`,
      `GRANT pg_monitor TO "${role.name}";`,
    ),
  ];
}

/** One line for each thing to do, whatever it would make known. */
function unknownFindings({ unknown }: Inspection): Finding[] {
  const facts = Map.groupBy(unknown, ({ fix }) => fix);
  return [...facts].map(([fix, hidden]) => {
    const names = hidden.map(({ fact }) => fact).join(', ');
    return warning('source.unknown', `Not known of the server: ${names}.`, fix);
  });
}
