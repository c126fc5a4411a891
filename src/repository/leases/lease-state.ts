/**
 * What a holder knows of its lease.
 *
 *   held ──aged──▶ paused ──renewed──▶ held        a blip: writing stops, then goes on
 *     └──overtaken──▶ lost ◀──overtaken──┘         another writer: this run is over
 *
 * - held: renewed within two thirds of the TTL; writing is allowed.
 * - paused: not renewed for longer. Nobody else may have taken it: the next renewal tells.
 * - lost: the object is another holder's. Final.
 * - released: given up by this holder. Final.
 */
export type LeaseState = 'held' | 'paused' | 'lost' | 'released';

export type LeaseEvent =
  /** A write of the lease object succeeded. */
  | 'renewed'
  /** A write failed for the moment. */
  | 'failed'
  /** Two thirds of the TTL passed since the last renewal was sent. */
  | 'aged'
  /** The lease object is someone else's, or gone. */
  | 'overtaken'
  /** This holder gave it up. */
  | 'released';

const TRANSITIONS = {
  held: {
    renewed: 'held',
    failed: 'held',
    aged: 'paused',
    overtaken: 'lost',
    released: 'released',
  },
  paused: {
    renewed: 'held',
    failed: 'paused',
    aged: 'paused',
    overtaken: 'lost',
    released: 'released',
  },
  lost: { renewed: 'lost', failed: 'lost', aged: 'lost', overtaken: 'lost', released: 'lost' },
  released: {
    renewed: 'released',
    failed: 'released',
    aged: 'released',
    overtaken: 'released',
    released: 'released',
  },
} as const satisfies Record<LeaseState, Record<LeaseEvent, LeaseState>>;

export function nextLeaseState(state: LeaseState, event: LeaseEvent): LeaseState {
  return TRANSITIONS[state][event];
}
