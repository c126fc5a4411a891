import type { Repository } from '../../src/repository/repository.ts';
import { FileSystemStore } from '../../src/store/filesystem/file-system-store.ts';
import { errnoError, type FaultPlan, faultyFileSystem } from '../doubles/faulty-file-system.ts';
import { type Fault, faultyStore } from '../doubles/faulty-store.ts';
import { powerLossFileSystem } from '../doubles/power-loss.ts';
import { type Attempts, fastClock } from './attempts.ts';

const WRITES = new Set(['put', 'replace', 'discard', 'remove']);

/** What happens to the store at its nth write. */
export type StoreFault =
  /** It fails once, before or after its effect. */
  | Fault
  /** Nothing is answered from then on. */
  | 'outage';

/** Counts the writes of a store, and spoils the nth. */
export function spoiledWrites(
  attempts: Attempts,
  fault: StoreFault,
  nth: number,
): { readonly repository: Repository; readonly writes: () => number } {
  let writes = 0;
  let gone = false;
  const { repository } = attempts;
  const store = faultyStore(repository.store, ({ operation }) => {
    if (gone) return 'before';
    if (!WRITES.has(operation)) return undefined;
    writes += 1;
    if (writes !== nth) return undefined;
    gone = fault === 'outage';
    return fault === 'outage' ? 'before' : fault;
  });
  return { repository: { ...repository, store }, writes: () => writes };
}

/** The repository on a file system that fails by plan. */
export function onFaultyFiles(attempts: Attempts, plan: FaultPlan) {
  const { root, repository } = attempts;
  const { fs, calls } = faultyFileSystem(plan);
  const host = { ...repository.host, fs, clock: fastClock };
  return { repository: { ...repository, host, store: new FileSystemStore({ root, host }) }, calls };
}

/** The repository on a disk that loses what was not synced. */
export async function onLosingDisk(attempts: Attempts, plan: FaultPlan) {
  const { root, repository } = attempts;
  const { fs, calls, losePower } = await powerLossFileSystem({ root, plan, trusted: true });
  const host = { ...repository.host, fs, clock: fastClock };
  const store = new FileSystemStore({ root, host });
  return { repository: { ...repository, host, store }, calls, losePower };
}

/** The nth fsync fails as a disk's does: the pages may be gone, and the next call says nothing. */
export function failedSync(nth: number): FaultPlan {
  let seen = 0;
  return ({ name }) => {
    if (name !== 'handle.sync') return undefined;
    seen += 1;
    return seen === nth ? { error: errnoError('EIO'), effect: 'none' } : undefined;
  };
}
