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
import { change, smallCluster } from './small-cluster.ts';
import { assertSound, type Content } from './sound.ts';

/** A quarter of an hour of patience with a store passes in a second. */
const SPEED = 1_000;
const began = machine.clock.now();
export const fastClock: Clock = {
  now: () => began + (machine.clock.now() - began) * SPEED,
  monotonic: () => machine.clock.monotonic() * SPEED,
  sleep: (ms, signal) => machine.clock.sleep(ms / SPEED, signal),
};

const LEASE_TTL_MS = 600 * SPEED;

/** One cluster and one repository, in which backups are made to fail one after the other. */
export class Attempts implements AsyncDisposable {
  readonly postgres: TestPostgres;
  readonly #place: TemporaryRepository;
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
    return { ...repository, host: { ...repository.host, clock: fastClock } };
  }

  /** A backup after a change, through a repository that may fail it. */
  async backup(repository: Repository): Promise<TakenSnapshot> {
    await change(this.postgres);
    const options = { leaseTtlMs: LEASE_TTL_MS };
    return await snapshotOf(repository, sourceOf(this.postgres), options);
  }

  /**
   * One backup that may fail. If it resolved, its snapshot restores; either way older ones are
   * byte for byte what they were, nothing half done is listed, and the next backup works.
   */
  async survive(repository: Repository, after: () => Promise<void> = async () => undefined) {
    const outcome = await this.backup(repository).then(
      ({ snapshot }) => ({ snapshot }),
      (error: unknown) => ({ error }),
    );
    await after();
    const state = await stateOf(this.repository);
    assert.deepEqual(state.list.damaged, []);
    assert.deepEqual(state.list.offChain, []);
    const { snapshots } = state.list;
    const before = snapshots.findIndex(({ id }) => id === this.#good.snapshot.id);
    assert.ok(before >= 0, 'the snapshot before is listed');
    const older = await assertSound(this.repository, state, this.#good.snapshot);
    assert.deepEqual(older, this.#good.content, 'the snapshot before is what it was');
    // A rejected commit may have happened, when only its answer was lost: then it is whole.
    const newer = snapshots.slice(before + 1);
    for (const snapshot of newer) await assertSound(this.repository, state, snapshot);
    if ('snapshot' in outcome) {
      assert.deepEqual(
        newer.map(({ id }) => id),
        [outcome.snapshot.id],
        'what was promised is listed',
      );
    }
    await this.#succeed();
    return outcome;
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
