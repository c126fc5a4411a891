import { HoldfastError, isHoldfastError } from '../../errors/holdfast-error.ts';
import { type Heartbeat, startHeartbeat } from '../heartbeat.ts';
import type { Json } from '../keys/canonical-json.ts';
import { type AcquireOptions, type Claim, claimLease } from './acquire.ts';
import { type LeasePlace, type LeaseValue, readLease, writeLease } from './lease-object.ts';
import { type LeaseEvent, type LeaseState, nextLeaseState } from './lease-state.ts';

/**
 * The exclusive right to write one role of one lineage.
 *
 * It is renewed every third of its TTL, and everything stops at two thirds without renewal: `guard`
 * throws before each PUT. An observer waits a whole TTL, so a PUT has a third of it to arrive; one
 * that arrives later still is caught by create-only names and the chain of commits, not by this.
 */
export class Lease implements AsyncDisposable {
  readonly generation: number;
  readonly #place: LeasePlace;
  #value: LeaseValue;
  #version: string;
  #sent: Claim['sent'];
  #state: LeaseState = 'held';
  #failure: unknown;
  #heartbeat: Heartbeat | undefined;
  /** Writes of the object, one after the other. */
  #writing: Promise<void> = Promise.resolve();

  /** CAPTURE_SECOND_WRITER when another holder is alive; waits up to its TTL to find out. */
  static async acquire(options: AcquireOptions): Promise<Lease> {
    const claim = await claimLease(options);
    const { repository, lineage, role } = options;
    return new Lease({ repository, lineage, role }, claim);
  }

  private constructor(place: LeasePlace, claim: Claim) {
    this.#place = place;
    this.generation = claim.value.generation;
    this.#value = claim.value;
    this.#version = claim.version;
    this.#sent = claim.sent;
  }

  get payload(): Json {
    return this.#value.payload;
  }

  get state(): LeaseState {
    if (this.#age() >= (this.#value.ttlMs * 2) / 3) this.#on('aged');
    return this.#state;
  }

  /** Call before each PUT. LEASE_PAUSED (transient): see `ready`; LEASE_LOST (conflict): give up. */
  guard(): void {
    const { role } = this.#place;
    switch (this.state) {
      case 'held':
        return;
      case 'paused': {
        const age = Math.round(this.#age() / 1000);
        const reason =
          this.#failure instanceof Error ? this.#failure.message : 'no renewal came back in time.';
        const facts = { role, age, reason };
        throw new HoldfastError('LEASE_PAUSED', facts, { cause: this.#failure });
      }
      case 'lost':
        throw new HoldfastError('LEASE_LOST', { role });
      case 'released':
        throw new HoldfastError('INTERNAL', { reason: `the ${role} lease was released` });
    }
  }

  /**
   * Resolves once `guard` passes, through any blip of the store; rejects when the lease is lost,
   * and with LEASE_PAUSED when it could not be renewed for `patienceMs`.
   */
  async ready(signal?: AbortSignal, patienceMs = Number.POSITIVE_INFINITY): Promise<void> {
    const { clock } = this.#place.repository.host;
    const giveUp = clock.monotonic() + patienceMs;
    while (this.state === 'paused' && clock.monotonic() < giveUp) {
      signal?.throwIfAborted();
      await this.renew().catch(() => undefined);
      if (this.state === 'paused') await clock.sleep(this.#value.ttlMs / 12, signal);
    }
    this.guard();
  }

  /**
   * Shows a sign of life, and publishes `payload` when given. LEASE_LOST when another took over;
   * any other error leaves the lease as it was, to be renewed again.
   */
  renew(payload?: Json): Promise<void> {
    return this.#enqueue(async () => {
      if (this.#state === 'lost' || this.#state === 'released') return this.guard();
      await this.#write({ ...this.#value, payload: payload ?? this.#value.payload });
    });
  }

  /** Renews in the background until released or lost. */
  keepAlive(): void {
    const { ttlMs } = this.#value;
    this.#heartbeat ??= startHeartbeat({
      clock: this.#place.repository.host.clock,
      firstAfter: ttlMs / 3,
      beat: () =>
        this.renew().then(
          () => ttlMs / 3,
          () => (this.#state === 'lost' || this.#state === 'released' ? undefined : ttlMs / 12),
        ),
    });
  }

  /** Lets the next writer in at once. Lost already: nothing to do. */
  async release(payload?: Json): Promise<void> {
    await this.#heartbeat?.stop();
    await this.#enqueue(async () => {
      if (this.#state === 'lost' || this.#state === 'released') return;
      try {
        await this.#write({
          ...this.#value,
          state: 'released',
          payload: payload ?? this.#value.payload,
        });
      } catch (error) {
        if (!isHoldfastError(error, 'LEASE_LOST')) throw error;
      }
      this.#on('released');
    });
  }

  /** A release that fails only makes the next writer wait for a TTL. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.release().catch(() => undefined);
  }

  /**
   * Milliseconds since the last renewal was sent. Wall time counts too: the monotonic clock of a
   * suspended machine stands still while others take over; a jump of it only costs a renewal.
   */
  #age(): number {
    const { clock } = this.#place.repository.host;
    return Math.max(clock.monotonic() - this.#sent.monotonic, clock.now() - this.#sent.wall);
  }

  async #write(value: LeaseValue): Promise<void> {
    const { clock } = this.#place.repository.host;
    for (;;) {
      const sent = { monotonic: clock.monotonic(), wall: clock.now() };
      const renewed = { ...value, renewals: this.#value.renewals + 1 };
      try {
        const expected = this.#version;
        this.#version = await writeLease({ ...this.#place, value: renewed, expected });
        this.#value = renewed;
        this.#sent = sent;
        this.#failure = undefined;
        return this.#on('renewed');
      } catch (error) {
        if (!isHoldfastError(error, 'STORE_CHANGED')) {
          this.#failure = error;
          this.#on('failed');
          throw error;
        }
        await this.#adoptOwn();
      }
    }
  }

  /** Another version is stored. It may be this holder's: a write whose response was lost. */
  async #adoptOwn(): Promise<void> {
    const current = await readLease(this.#place);
    const own = current?.nonce === this.#value.nonce && current.version !== this.#version;
    if (current === null || !own) {
      this.#on('overtaken');
      throw new HoldfastError('LEASE_LOST', { role: this.#place.role });
    }
    this.#version = current.version;
  }

  #enqueue(run: () => Promise<void>): Promise<void> {
    const next = this.#writing.then(run);
    this.#writing = next.catch(() => undefined);
    return next;
  }

  #on(event: LeaseEvent): void {
    this.#state = nextLeaseState(this.#state, event);
  }
}
