import type { HoldfastError } from '../../errors/holdfast-error.ts';
import { objectOf } from './damage.ts';

/**
 * How far a verification looks:
 *
 *   V0  every object exists and has its size, by listing
 *   V1  V0, and every object is read and has the SHA-256 the commit names; needs no data key
 *   V2  V0, every pack's trailer and footer, and today's thirtieth of the objects like V1 with the
 *       frames of packs walked one by one; needs no data key
 *   V3  V0, and everything is decrypted, decompressed, compared with digests, runs, page hashes,
 *       and given to `checkPage`
 */
export type VerifyLevel = 'V0' | 'V1' | 'V2' | 'V3';

export interface VerifyProblem {
  /** Key in the store. */
  readonly object: string;
  readonly reason: string;
  /** Of the first files that need the object, or the file the problem is in. */
  readonly paths: readonly string[];
  /** Page of the file. */
  readonly page?: number;
}

export interface VerifyReport {
  readonly level: VerifyLevel;
  readonly snapshot: string;
  readonly ok: boolean;
  readonly problems: readonly VerifyProblem[];
  /** Objects whose bytes were read, and how many bytes. */
  readonly objectsRead: number;
  readonly bytesRead: number;
  /** Of V3: pages decrypted and compared; pages of zeroes are not stored and not counted. */
  readonly pagesChecked: number;
  readonly filesChecked: number;
}

const PATHS = 20;

/** Collects what a verification finds. */
export class Findings {
  readonly problems: VerifyProblem[] = [];
  objectsRead = 0;
  bytesRead = 0;
  pagesChecked = 0;
  filesChecked = 0;
  readonly #objects = new Set<string>();

  add(problem: VerifyProblem): void {
    this.#objects.add(problem.object);
    this.problems.push({ ...problem, paths: problem.paths.slice(0, PATHS) });
  }

  /** A problem of a whole object is told once. */
  addDamage(error: HoldfastError, paths: readonly string[] = []): void {
    const object = objectOf(error);
    if (this.#objects.has(object) && error.code === 'STORE_ABSENT') return;
    this.add({ object, reason: String(error.facts.reason ?? error.message), paths });
  }

  report(of: { level: VerifyLevel; snapshot: string }): VerifyReport {
    const { problems, objectsRead, bytesRead, pagesChecked, filesChecked } = this;
    const ok = problems.length === 0;
    return { ...of, ok, problems, objectsRead, bytesRead, pagesChecked, filesChecked };
  }
}
