import type { CommitReference } from './snapshot.ts';

/** A commit or the tombstone of one. */
export interface ChainLink {
  readonly sha256: string;
  readonly predecessor: CommitReference | null;
}

export interface Chain {
  /** Keys of commits, newest first, deleted ones included. */
  readonly keys: readonly string[];
  /** Named as predecessors, but there is neither that commit nor its tombstone. */
  readonly lost: readonly string[];
}

/**
 * Walks from the newest commit back along the predecessors. `keys` ascend.
 *
 * A PUT of a writer that lost its lease can land late: it names a predecessor that another commit
 * names too, and lies beside the chain (trap 16). Where a predecessor is lost, the walk goes on
 * with the next older commit: one missing object must not hide the snapshots before it.
 */
export async function walkChain(
  keys: readonly string[],
  link: (key: string) => Promise<ChainLink | undefined>,
): Promise<Chain> {
  const walked: string[] = [];
  const lost: string[] = [];
  let expected: CommitReference | null = null;
  let index = keys.length - 1;
  while (index >= 0) {
    const key = keys[index] as string;
    const found: ChainLink | undefined = await link(key);
    const named = expected === null || expected.sha256 === found?.sha256;
    if (found === undefined || !named) {
      lost.push(key);
      expected = null;
      index -= 1;
      continue;
    }
    walked.push(key);
    expected = found.predecessor;
    if (expected === null) break;
    const next = lastAtMost(keys, index - 1, expected.key);
    if (next < 0 || keys[next] !== expected.key) {
      lost.push(expected.key);
      expected = null;
    }
    index = next;
  }
  return { keys: walked, lost };
}

/** Index of the greatest key that is not after `key`, at `from` or before it; −1 for none. */
function lastAtMost(keys: readonly string[], from: number, key: string): number {
  let index = from;
  while (index >= 0 && (keys[index] as string) > key) index -= 1;
  return index;
}
