import type { CheckLevel, CheckResult } from './check.ts';

/** What must have run for a level to count; more may run, and then must pass too. */
const REQUIRED: Readonly<Record<CheckLevel, readonly string[]>> = {
  L2: ['recovery'],
  L3: ['page-checksums', 'heap', 'btree-indexes', 'visibility-map'],
  L4: [
    'constraints',
    'domains',
    'foreign-keys',
    'unique-keys',
    'exclusion-constraints',
    'valid-indexes',
  ],
};

export type ProofLevel = 'L0' | 'L1' | CheckLevel;

/** The highest level whose checks, and all those below it, ran and passed. */
export function proofLevel(options: {
  /** L1: every byte came from frames that authenticated, below a commit whose signature holds. */
  readonly bytesAuthenticated: boolean;
  readonly results: readonly CheckResult[];
}): ProofLevel {
  const { bytesAuthenticated, results } = options;
  if (!bytesAuthenticated) return 'L0';
  let reached: ProofLevel = 'L1';
  for (const level of ['L2', 'L3', 'L4'] as const) {
    const ran = results.filter((result) => result.level === level);
    const complete = REQUIRED[level].every((name) => ran.some((result) => result.name === name));
    if (!complete || !ran.every(({ ok }) => ok)) return reached;
    reached = level;
  }
  return reached;
}

const LADDER: readonly ProofLevel[] = ['L0', 'L1', 'L2', 'L3', 'L4'];

/** Of several proofs taken together: what holds for every one of them. */
export function lowestProofLevel(levels: readonly ProofLevel[]): ProofLevel {
  return LADDER.find((level) => levels.includes(level)) ?? 'L0';
}
