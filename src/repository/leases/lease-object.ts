import { z } from 'zod';
import type { Json } from '../keys/canonical-json.ts';
import type { Repository } from '../repository.ts';
import { openJson, sealJson } from '../sealed-json.ts';

/**
 * lineages/<id>/leases/<role>.json, mutable, sealed JSON:
 *
 *   { "generation", "state": "held" | "released", "holder": for people, "nonce": of this holding,
 *     "ttlMs", "renewals", "payload" }
 *
 * Never discarded: the generation grows for ever and is part of every commit's name.
 */
export type LeaseRole = 'snapshots' | 'log';

const schema = z.object({
  generation: z.number().int().positive(),
  state: z.enum(['held', 'released']),
  holder: z.string(),
  nonce: z.string(),
  ttlMs: z.number().positive(),
  renewals: z.number().int(),
  payload: z.json(),
});

export interface LeaseValue {
  readonly generation: number;
  readonly state: 'held' | 'released';
  readonly holder: string;
  readonly nonce: string;
  readonly ttlMs: number;
  readonly renewals: number;
  readonly payload: Json;
}

export interface LeasePlace {
  readonly repository: Repository;
  /** Lineage id. */
  readonly lineage: string;
  readonly role: LeaseRole;
}

/** What the lease object says now, for anyone with a key; null when it was never taken. */
export async function readLease(
  place: LeasePlace,
): Promise<(LeaseValue & { readonly version: string; readonly modified: number }) | null> {
  const { repository } = place;
  const key = leaseKey(place);
  const found = await repository.store.read(key);
  if (found === null) return null;
  const { value } = openJson({ repository, key, body: found.body, schema });
  return { ...value, version: found.version, modified: found.modified };
}

/** Answers the new version; STORE_CHANGED when `expected` is no longer current. */
export async function writeLease(
  place: LeasePlace & { value: LeaseValue; expected: string | null },
): Promise<string> {
  const { repository, lineage, expected } = place;
  const key = leaseKey(place);
  const body = sealJson({ repository, key, lineage, value: { ...place.value } });
  return await repository.store.replace(key, body, expected);
}

function leaseKey({ lineage, role }: LeasePlace): string {
  return `lineages/${lineage}/leases/${role}.json`;
}
