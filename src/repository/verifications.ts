import { z } from 'zod';
import { isHoldfastError } from '../errors/holdfast-error.ts';
import type { Repository } from './repository.ts';
import { openJson, sealJson } from './sealed-json.ts';
import type { Snapshot } from './snapshots/snapshot.ts';
import type { VerifyLevel } from './snapshots/verify-report.ts';

/**
 * verifications/<lineage>/<snapshot>/<sequence, 16 hex>-<random, 16 hex>.json, create-only, sealed
 * JSON: the outcome of one verification.
 *
 *   { "level", "ok", "problems": how many, "verified": ISO 8601 by the verifier's clock }
 *
 * The sequence is one more than the greatest there was, so that no clock decides what came last;
 * of two that ran at once and have the same one, either may be read as the later.
 */
export interface Verification {
  readonly level: VerifyLevel;
  readonly ok: boolean;
  readonly problems: number;
  readonly verified: string;
}

const schema = z.object({
  level: z.enum(['V0', 'V1', 'V2', 'V3']),
  ok: z.boolean(),
  problems: z.number().int(),
  verified: z.iso.datetime(),
});

const NAME = /^([0-9a-f]{16})-[0-9a-f]{16}\.json$/;

interface Place {
  readonly repository: Repository;
  readonly snapshot: Pick<Snapshot, 'id' | 'lineage'>;
}

export async function recordVerification(
  options: Place & { readonly outcome: Omit<Verification, 'verified'> },
): Promise<void> {
  const { repository, snapshot, outcome } = options;
  const { host } = repository;
  const newest = (await recordKeys(options)).at(-1);
  const last = NAME.exec(newest?.slice(prefixOf(options).length) ?? '')?.[1] ?? '0';
  const sequence = (BigInt(`0x${last}`) + 1n).toString(16).padStart(16, '0');
  const key = `${prefixOf(options)}${sequence}-${host.random.bytes(8).toString('hex')}.json`;
  const value = { ...outcome, verified: new Date(host.clock.now()).toISOString() };
  const body = sealJson({ repository, key, lineage: snapshot.lineage, value });
  await repository.store.put(key, body);
}

/**
 * The verification that stands: the newest, or an older failure that no later one looked closely
 * enough to clear. Undefined when there was none. A damaged record says nothing either way.
 */
export async function latestVerification(place: Place): Promise<Verification | undefined> {
  const { repository } = place;
  const later: Verification[] = [];
  for (const key of (await recordKeys(place)).reverse()) {
    const found = await readRecord(repository, key);
    if (!found) continue;
    if (!found.ok && !later.some((one) => one.ok && clears(one.level, found.level))) return found;
    later.push(found);
  }
  return later[0];
}

/** With the snapshot they are about. */
export async function removeVerifications(place: Place): Promise<void> {
  for (const key of await recordKeys(place)) await place.repository.store.remove(key);
}

/** How much of a snapshot a level reads: V2 only today's share of the objects, V1 all of them. */
const REACH: Readonly<Record<VerifyLevel, number>> = { V0: 0, V2: 1, V1: 2, V3: 3 };

/** Another V2 reads other objects, so it clears none; any other level repeats what it did. */
const clears = (passed: VerifyLevel, failed: VerifyLevel): boolean =>
  REACH[passed] > REACH[failed] || (passed === failed && failed !== 'V2');

const prefixOf = ({ snapshot }: Place): string =>
  `verifications/${snapshot.lineage}/${snapshot.id}/`;

/** Oldest first. */
async function recordKeys(place: Place): Promise<string[]> {
  const prefix = prefixOf(place);
  const keys: string[] = [];
  for await (const { key } of place.repository.store.list(prefix)) {
    if (NAME.test(key.slice(prefix.length))) keys.push(key);
  }
  return keys;
}

async function readRecord(repository: Repository, key: string): Promise<Verification | undefined> {
  try {
    const body = await repository.store.get(key);
    return openJson({ repository, key, body, schema }).value;
  } catch (error) {
    const gone = isHoldfastError(error, 'STORE_ABSENT');
    if (gone || isHoldfastError(error, 'SEALED_CORRUPT')) return undefined;
    throw error;
  }
}
