import { basename } from 'node:path';
import { openStore } from '../../src/operations/open-configured.ts';
import type { Repository } from '../../src/repository/repository.ts';
import {
  errnoError,
  type FaultPlan,
  type FileCall,
  faultyFileSystem,
} from '../doubles/faulty-file-system.ts';
import { type Fault, faultyStore } from '../doubles/faulty-store.ts';
import { powerLossFileSystem } from '../doubles/power-loss.ts';
import { type Attempts, hastyClock } from './attempts.ts';

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
  const host = { ...repository.host, clock: hastyClock };
  return { repository: { ...repository, host, store }, writes: () => writes };
}

/** The repository on a file system that fails by plan. */
export function onFaultyFiles(attempts: Attempts, plan: FaultPlan) {
  const { root, repository } = attempts;
  const { fs, calls } = faultyFileSystem(plan);
  const host = { ...repository.host, fs, clock: hastyClock };
  return { repository: { ...repository, host, store: openStore({ host, location: root }) }, calls };
}

/** The repository on a disk that loses what was not synced. */
export async function onLosingDisk(attempts: Attempts, plan: FaultPlan) {
  const { root, repository } = attempts;
  const { fs, calls, losePower } = await powerLossFileSystem({ root, plan, trusted: true });
  const host = { ...repository.host, fs, clock: hastyClock };
  const store = openStore({ host, location: root });
  return { repository: { ...repository, host, store }, calls, losePower };
}

/** The nth call fails once, as a bad sector or a dropped mount does. */
export function failedCall(nth: number, effect: 'none' | 'full'): FaultPlan {
  return ({ number }) => (number === nth ? { error: errnoError('EIO'), effect } : undefined);
}

export const isSync = ({ name }: FileCall): boolean => name === 'handle.sync';

/** The nth fsync fails as a disk's does: the pages may be gone, and the next call says nothing. */
export function failedSync(nth: number): FaultPlan {
  let seen = 0;
  return (call) => {
    if (!isSync(call)) return undefined;
    seen += 1;
    return seen === nth ? { error: errnoError('EIO'), effect: 'none' } : undefined;
  };
}

const SPACE = new Set(['handle.write', 'handle.writeFile', 'link', 'mkdir', 'writeFile']);

export const takesSpace = ({ name, path }: FileCall): boolean =>
  SPACE.has(name) || (name === 'open' && basename(path).startsWith('.tmp-'));

/** From the nth call that takes space there is none. */
export function fullDisk(nth: number): FaultPlan {
  let seen = 0;
  return (call) => {
    if (!takesSpace(call)) return undefined;
    seen += 1;
    return seen >= nth ? { error: errnoError('ENOSPC'), effect: 'none' } : undefined;
  };
}
