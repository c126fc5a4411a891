import { z } from 'zod';
import { formatInstant, type Instant, parseInstant } from '../content/instant.ts';
import { formatLsn, type Lsn, parseLsn } from '../engines/postgres/lsn.ts';
import type { Json } from '../repository/keys/canonical-json.ts';
import { readLease } from '../repository/leases/lease-object.ts';
import type { Lineage } from '../repository/lineages.ts';
import type { Repository } from '../repository/repository.ts';

/**
 * What a follower says in the payload of its lease: everything of `timeline` before `lsn` is
 * stored, and at `time`, by the server's clock, there was nothing more.
 *
 *   { "timeline": 1, "lsn": "0/3000000", "time": ISO 8601 }
 */
export interface FollowerPosition {
  readonly timeline: number;
  readonly lsn: Lsn;
  readonly time: Instant;
}

const schema = z.object({ timeline: z.number().int(), lsn: z.string(), time: z.string() });

export function encodeFollowerPosition(position: FollowerPosition): Json {
  const { timeline, lsn, time } = position;
  return { timeline, lsn: formatLsn(lsn), time: formatInstant(time) };
}

/** null when no follower has stored anything yet. */
export function decodeFollowerPosition(payload: Json): FollowerPosition | null {
  const parsed = schema.safeParse(payload);
  if (!parsed.success) return null;
  const { timeline, lsn, time } = parsed.data;
  return { timeline, lsn: parseLsn(lsn), time: parseInstant(time) };
}

export async function readFollowerPosition(options: {
  readonly repository: Repository;
  readonly lineage: Lineage;
}): Promise<FollowerPosition | null> {
  const { repository, lineage } = options;
  const lease = await readLease({ repository, lineage: lineage.id, role: 'log' });
  return lease && decodeFollowerPosition(lease.payload);
}
