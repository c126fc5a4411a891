import assert from 'node:assert/strict';
import type { TakenSnapshot } from '../../src/capture/take-snapshot.ts';
import type { Clock } from '../../src/host/clock.ts';
import { machine } from '../../src/host/host.ts';
import type { Repository } from '../../src/repository/repository.ts';
import type { Snapshot } from '../../src/repository/snapshots/snapshot.ts';
import { type TemporaryRepository, temporaryRepository } from '../doubles/temporary-repository.ts';
import { stateOf } from '../following/recovered.ts';
import { snapshotOf, sourceOf } from '../recovery/scenario.ts';
import type { TestPostgres } from '../support/postgres.ts';
import { skippingClock } from './skipping-clock.ts';
import { change, smallCluster } from './small-cluster.ts';
import { assertSound, type Content } from './sound.ts';

const LEASE_TTL_MS = 60_000;

/**
 * For the backup that is failed: repetitions follow at once. The time a lease lives is this
 * machine's own, or a loaded machine would lose leases that no fault touched.
 */
export const hastyClock: Clock = {
  ...machine.clock,
  sleep: (ms, signal) => machine.clock.sleep(ms < LEASE_TTL_MS / 3 ? ms / 1_000 : ms, signal),
};

export type Outcome = { readonly snapshot: Snapshot } | { readonly error: unknown };

/** One cluster and one repository, in which backups are made to fail one after the other. */
export class Attempts implements AsyncDisposable {
  readonly postgres: TestPostgres;
  readonly #place: TemporaryRepository;
  readonly #clock = skippingClock();
  #good: { readonly snapshot: Snapshot; readonly content: Content };

  static async start(): Promise<Attempts> {
    await using stack = new AsyncDisposableStack();
    const postgres = stack.use(await smallCluster());
    const place = stack.use(await temporaryRepository());
    const attempts = new Attempts(postgres, place);
    await attempts.#succeed();
    stack.move();
    return attempts;
  }

  private constructor(postgres: TestPostgres, place: TemporaryRepository) {
    this.postgres = postgres;
    this.#place = place;
    this.#good = undefined as never;
  }

  get root(): string {
    return this.#place.place.root;
  }

  /** Untouched by faults. */
  get repository(): Repository {
    const { repository } = this.#place;
    return { ...repository, host: { ...repository.host, clock: this.#clock } };
  }

  /** A backup after a change, through a repository that may fail it. */
  async backup(repository: Repository): Promise<TakenSnapshot> {
    await change(this.postgres);
    return await snapshotOf(repository, sourceOf(this.postgres), {
      leaseTtlMs: LEASE_TTL_MS,
      // For a lease that was never given back: as if its time had been waited.
      onNotice: (sentence) => {
        if (sentence.startsWith('Waiting')) this.#clock.skip(LEASE_TTL_MS);
      },
    });
  }

  /** One backup that may fail, and then everything is checked. */
  async survive(
    repository: Repository,
    after: () => Promise<void> = async () => undefined,
  ): Promise<Outcome> {
    const outcome: Outcome = await this.backup(repository).then(
      ({ snapshot }) => ({ snapshot }),
      (error: unknown) => ({ error }),
    );
    await after();
    await this.inspect('snapshot' in outcome ? outcome.snapshot : undefined);
    return outcome;
  }

  /**
   * Whatever happened: a promised snapshot is there and sound, older ones are byte for byte what
   * they were, nothing half done is listed, and the next backup works.
   */
  async inspect(promised?: Snapshot): Promise<void> {
    const state = await stateOf(this.repository);
    assert.deepEqual(state.list.damaged, []);
    assert.deepEqual(state.list.offChain, []);
    const { snapshots } = state.list;
    const before = snapshots.findIndex(({ id }) => id === this.#good.snapshot.id);
    assert.ok(before >= 0, 'the snapshot before is listed');
    const older = await assertSound(this.repository, state, this.#good.snapshot);
    assert.deepEqual(older, this.#good.content, 'the snapshot before is what it was');
    // One that was not promised may be there when only its answer was lost: then it is whole.
    const newer = snapshots.slice(before + 1);
    for (const snapshot of newer) await assertSound(this.repository, state, snapshot);
    const ids = newer.map(({ id }) => id);
    if (promised) assert.deepEqual(ids, [promised.id], 'what was promised is listed');
    await this.#succeed();
  }

  async #succeed(): Promise<void> {
    const { snapshot } = await this.backup(this.repository);
    const content = await assertSound(this.repository, await stateOf(this.repository), snapshot);
    this.#good = { snapshot, content };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.postgres[Symbol.asyncDispose]();
    await this.#place[Symbol.asyncDispose]();
  }
}
