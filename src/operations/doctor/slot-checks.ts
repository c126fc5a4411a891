import type { SourceConfig } from '../../config/config.ts';
import type { Inspection, SlotFacts } from '../../engines/postgres/inspect/inspection.ts';
import { type Finding, ok, problem, sizeText, warning } from './finding.ts';

const RETAINED_WARNING = 16 * 1024 ** 3;
const LITTLE_LEFT = 0.25;

export function slotFindings(inspection: Inspection, config: SourceConfig): readonly Finding[] {
  const { slots, settings } = inspection;
  if (!slots) return [];
  const permanent = slots.filter(({ temporary }) => !temporary);
  const own = permanent.find(({ name }) => name === config.follow?.slot);
  const findings = permanent.map((slot) =>
    slot === own ? ownSlot(slot, config) : otherSlot(slot),
  );
  if (config.follow && !own && !inspection.inRecovery) {
    const message = `There is no slot ${config.follow.slot} yet: the server keeps no log for us.`;
    const hint = `It is created by: holdfast follow ${config.name}`;
    findings.push(warning('slot.retained', message, hint));
  }
  if (config.follow || permanent.length > 0) findings.push(limitFinding(settings));
  return findings;
}

/** Nobody streams through it: it is moved behind what the repository holds. */
function ownSlot(slot: SlotFacts, { name: source }: SourceConfig): Finding {
  const { name, walStatus, retainedBytes = 0, safeWalSize } = slot;
  const kept = `The slot ${name} keeps ${sizeText(retainedBytes)} of log`;
  const more =
    safeWalSize === undefined ? 'without limit' : `${sizeText(safeWalSize)} more at most`;
  const follow = `holdfast follow ${source}`;
  if (walStatus === 'lost') {
    return problem(
      'slot.retained',
      `The slot ${name} is lost: log that is not in the repository may be gone.`,
      `${follow} creates it again; then take a new snapshot: holdfast backup ${source}`,
    );
  }
  if (walStatus === 'unreserved') {
    return problem(
      'slot.retained',
      `${kept}, more than it may: the next checkpoint removes it.`,
      `Start the follower now: ${follow}; or first: ${raise(retainedBytes * 2)}`,
    );
  }
  const message = `${kept}; ${more} (wal_status ${walStatus ?? 'none'}).`;
  const little =
    safeWalSize !== undefined && safeWalSize < LITTLE_LEFT * (safeWalSize + retainedBytes);
  if (little) return warning('slot.retained', message, raise((retainedBytes + safeWalSize) * 2));
  if (retainedBytes >= RETAINED_WARNING) {
    return warning('slot.retained', message, `See that the follower runs: ${follow}`);
  }
  return ok('slot.retained', message);
}

function otherSlot({ name, active, walStatus, retainedBytes = 0 }: SlotFacts): Finding {
  const drop = `SELECT pg_drop_replication_slot('${name.replaceAll("'", "''")}');`;
  if (walStatus === 'lost') {
    const message = `The slot ${name} of somebody else is lost: log it needed is gone.`;
    return warning('slot.other', message, drop);
  }
  const message = `The slot ${name} of somebody else keeps ${sizeText(retainedBytes)} of log.`;
  if (active || retainedBytes < RETAINED_WARNING) return ok('slot.other', message);
  return warning('slot.other', `${message} Nobody reads it.`, `Start its reader, or: ${drop}`);
}

function limitFinding({ max_slot_wal_keep_size: limit }: Inspection['settings']): Finding {
  if (limit !== '-1') return ok('slot.limit', `A slot may keep ${limit} of log at most.`);
  return warning(
    'slot.limit',
    'max_slot_wal_keep_size is unlimited: while no follower runs, the slot fills the volume of pg_wal and then the server stops.',
    raise(64 * 1024 ** 3),
  );
}

/** Rounded up to whole gigabytes. */
const raise = (bytes: number): string =>
  `ALTER SYSTEM SET max_slot_wal_keep_size = '${Math.ceil(bytes / 1024 ** 3)}GB'; SELECT pg_reload_conf();`;
