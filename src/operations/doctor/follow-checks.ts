import { decodeFollowerPosition } from '../../capture/follower-position.ts';
import type { SourceConfig } from '../../config/config.ts';
import type { Inspection } from '../../engines/postgres/inspect/inspection.ts';
import { isSynchronousName } from '../../engines/postgres/wal/synchronous-names.ts';
import { readLease } from '../../repository/leases/lease-object.ts';
import type { Lineage } from '../../repository/lineages.ts';
import type { Repository } from '../../repository/repository.ts';
import { type Finding, ok, problem, spanText, warning } from './finding.ts';

const BEHIND_WARNING_S = 60;

export interface FollowFacts {
  readonly alive: boolean;
  readonly finding: Finding;
}

/** Whether somebody stores the log, and how much of it a disaster now would cost. */
export async function followFacts(options: {
  readonly repository: Repository;
  readonly lineage: Lineage;
  readonly config: SourceConfig;
  /** When a piece of the log last reached the store, if ever. */
  readonly lastStored: number | undefined;
}): Promise<FollowFacts> {
  const { repository, lineage, config, lastStored } = options;
  const start = `holdfast follow ${config.name}`;
  const now = repository.host.clock.now();
  const lease = await readLease({ repository, lineage: lineage.id, role: 'log' });
  const since = (at: number) => spanText((now - at) / 1000);
  const stored =
    lastStored === undefined ? 'no log is stored' : `log was last stored ${since(lastStored)} ago`;
  if (!lease) return { alive: false, finding: neverFollowed(config, stored, start) };
  const alive = lease.state === 'held' && now - lease.modified < lease.ttlMs;
  if (!alive) {
    const message =
      lease.state === 'released'
        ? `The follower was stopped ${since(lease.modified)} ago; ${stored}.`
        : `The follower (${lease.holder}) gave its last sign of life ${since(lease.modified)} ago; ${stored}.`;
    const finding =
      lease.state === 'released'
        ? warning('follow.alive', message, `Start it again: ${start}`)
        : problem('follow.alive', message, `Start it again: ${start}`);
    return { alive, finding };
  }
  const position = decodeFollowerPosition(lease.payload);
  const who = `${lease.holder} follows`;
  if (!position) return { alive, finding: unreported({ who, stored, lastStored, now }) };
  const behind = (now - position.time / 1000) / 1000;
  const message = `${who}; the repository is ${spanText(behind)} behind the server.`;
  const hint = 'See what the follower says; a slow store or network holds it up.';
  const late = behind > BEHIND_WARNING_S;
  return {
    alive,
    finding: late ? warning('follow.alive', message, hint) : ok('follow.alive', message),
  };
}

/** Its first report comes with the first piece it stores, seconds after it began. */
function unreported(facts: {
  readonly who: string;
  readonly stored: string;
  readonly lastStored: number | undefined;
  readonly now: number;
}): Finding {
  const { who, stored, lastStored, now } = facts;
  const recent = lastStored !== undefined && (now - lastStored) / 1000 <= BEHIND_WARNING_S;
  if (recent) return ok('follow.alive', `${who}; ${stored}.`);
  return warning(
    'follow.alive',
    `${who}, and has stored nothing since it began; ${stored}.`,
    'Ask again in a minute; if this stays, see what the follower says.',
  );
}

function neverFollowed({ follow }: SourceConfig, stored: string, start: string): Finding {
  if (follow) return warning('follow.alive', `Nobody follows yet; ${stored}.`, start);
  return ok(
    'follow.alive',
    `follow is not configured; ${stored}.`,
    'Without the log everything since the newest snapshot would be lost: add follow: to the source in holdfast.yaml.',
  );
}

const RELEASE = "ALTER SYSTEM SET synchronous_standby_names = ''; SELECT pg_reload_conf();";

/** What a stopped follower does to a server whose commits wait for it. */
export function synchronousFinding(options: {
  readonly inspection: Inspection;
  readonly config: SourceConfig;
  /** Undefined when the repository could not be asked. */
  readonly alive: boolean | undefined;
}): readonly Finding[] {
  const { inspection, config, alive } = options;
  const { follow } = config;
  const names = inspection.settings.synchronous_standby_names ?? '';
  if (!follow || inspection.inRecovery || !isSynchronousName(names, follow.applicationName)) {
    return [];
  }
  const waits = `Commits wait for the follower (synchronous_standby_names = ${names})`;
  const release = `Start it: holdfast follow ${config.name}. If it cannot come back, this releases the commits, without their protection: ${RELEASE}`;
  if (alive) {
    return [
      ok(
        'follow.synchronous',
        `${waits}: should it stop, they hang until it is back.`,
        `Should it not come back, this releases them: ${RELEASE}`,
      ),
    ];
  }
  return [
    problem('follow.synchronous', `${waits}, and no follower is known to run: they hang.`, release),
  ];
}
