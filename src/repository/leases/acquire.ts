import { HoldfastError, isHoldfastError } from '../../errors/holdfast-error.ts';
import type { Json } from '../keys/canonical-json.ts';
import { type LeasePlace, type LeaseValue, readLease, writeLease } from './lease-object.ts';

export interface AcquireOptions extends LeasePlace {
  /** Who wants it, for people: `db1, process 4711`. */
  readonly holder: string;
  /** Default: 60 s. */
  readonly ttlMs?: number;
  readonly payload?: Json;
  /** The generation will be greater than this: that of the newest commit, should the object be gone. */
  readonly after?: number;
  readonly signal?: AbortSignal;
  /** Called once when a holder must first be watched for a TTL. */
  readonly onWaiting?: (waiting: { holder: string; ttlMs: number }) => void;
}

export interface Claim {
  readonly value: LeaseValue;
  readonly version: string;
  /** Monotonic and wall time when the successful write was sent. */
  readonly sent: { readonly monotonic: number; readonly wall: number };
}

/**
 * Takes a lease that is free, released or stale.
 *
 * Stale means: its version did not change for one TTL of this observer's monotonic clock, counted
 * from when it was first seen here. No timestamp of another machine is ever compared. A holder that
 * shows a sign of life meanwhile is CAPTURE_SECOND_WRITER.
 */
export async function claimLease(options: AcquireOptions): Promise<Claim> {
  const { clock } = options.repository.host;
  let seen: { version: string; since: number } | undefined;
  for (;;) {
    options.signal?.throwIfAborted();
    const current = await readLease(options);
    if (current?.state === 'held') {
      if (seen === undefined) {
        seen = { version: current.version, since: clock.monotonic() };
        options.onWaiting?.({ holder: current.holder, ttlMs: current.ttlMs });
      } else if (seen.version !== current.version) {
        throw new HoldfastError('CAPTURE_SECOND_WRITER', {
          role: options.role,
          holder: current.holder,
          ttl: Math.ceil(current.ttlMs / 1000),
        });
      }
      const left = seen.since + current.ttlMs - clock.monotonic();
      if (left > 0) {
        await clock.sleep(Math.min(left, current.ttlMs / 4), options.signal);
        continue;
      }
    }
    const claim = await tryClaim(options, current);
    if (claim) return claim;
  }
}

/** undefined when another claimed first. */
async function tryClaim(
  options: AcquireOptions,
  current: Awaited<ReturnType<typeof readLease>>,
): Promise<Claim | undefined> {
  const { repository, holder, ttlMs = 60_000, payload = null, after = 0 } = options;
  const { clock, random } = repository.host;
  const value: LeaseValue = {
    generation: Math.max(current?.generation ?? 0, after) + 1,
    state: 'held',
    holder,
    nonce: random.bytes(16).toString('hex'),
    ttlMs,
    renewals: 0,
    payload,
  };
  const sent = { monotonic: clock.monotonic(), wall: clock.now() };
  try {
    const expected = current?.version ?? null;
    const version = await writeLease({ ...options, value, expected });
    return { value, version, sent };
  } catch (error) {
    if (isHoldfastError(error, 'STORE_CHANGED')) return undefined;
    throw error;
  }
}
