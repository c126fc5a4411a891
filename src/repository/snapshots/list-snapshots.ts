import { HoldfastError, isHoldfastError } from '../../errors/holdfast-error.ts';
import type { Repository } from '../repository.ts';
import { walkChain } from './chain.ts';
import { decodeCommit } from './commit.ts';
import { commitsPrefix, type Snapshot, tombstonesPrefix } from './snapshot.ts';
import { readTombstone } from './tombstone.ts';

export interface SnapshotList {
  /** Signed, complete and on the chain; oldest first. */
  readonly snapshots: readonly Snapshot[];
  /** Keys of sound commits that lie beside the chain: late PUTs of a writer that was replaced. */
  readonly offChain: readonly string[];
  readonly damaged: readonly DamagedCommit[];
}

export interface DamagedCommit {
  readonly key: string;
  readonly error: HoldfastError;
}

const CONCURRENCY = 8;
/** Anything else below the prefix is none of ours. */
const NAME = /^\d{8}-\d{8}\.json$/;

/** Throws only when the store cannot answer: what is damaged or missing is named beside the rest. */
export async function listSnapshots(options: {
  repository: Repository;
  lineage: string;
}): Promise<SnapshotList> {
  const { repository, lineage } = options;
  const names = await commitKeys(options);
  const found = new Map<string, Snapshot>();
  const damaged: DamagedCommit[] = [];
  const read = async (key: string) => {
    try {
      const body = await repository.store.get(key);
      found.set(key, decodeCommit({ repository, key, body }));
    } catch (error) {
      if (!isHoldfastError(error) || error.kind === 'transient') throw error;
      // Deleted since it was listed: its tombstone was there before.
      if (error.code === 'STORE_ABSENT') names.deleted.add(key);
      else if (error.kind === 'corrupt') damaged.push({ key, error });
      else throw error;
    }
  };
  const present = names.all.filter((key) => !names.deleted.has(key));
  for (let at = 0; at < present.length; at += CONCURRENCY) {
    await Promise.all(present.slice(at, at + CONCURRENCY).map(read));
  }
  // Behind the oldest snapshot there may be years of tombstones, which tell nothing any more.
  const oldest = present[0];
  const relevant = names.all.filter((key) => oldest !== undefined && key >= oldest);
  const chain = await walkChain(relevant, async (key) => {
    const snapshot = found.get(key);
    if (snapshot !== undefined) return snapshot;
    try {
      const tombstone = await readTombstone(repository, { lineage, key });
      return tombstone && { ...tombstone, sha256: tombstone.commit.sha256 };
    } catch (error) {
      if (!isHoldfastError(error) || error.kind !== 'corrupt') throw error;
      damaged.push({ key, error });
      return undefined;
    }
  });

  const onChain = new Set(chain.keys);
  for (const key of chain.lost) {
    if (oldest === undefined || key < oldest || damaged.some((one) => one.key === key)) continue;
    damaged.push({ key, error: lost(key, found.has(key)) });
    found.delete(key);
  }
  const snapshots = [...chain.keys].reverse().flatMap((key) => found.get(key) ?? []);
  const offChain = [...found.keys()].filter((key) => !onChain.has(key)).sort();
  return { snapshots, offChain, damaged };
}

/**
 * Keys of all commits that there are or were, ascending, and which of them are deleted.
 * Commits are listed first: a commit that disappears meanwhile has its tombstone in the second.
 */
export async function commitKeys(options: {
  repository: Repository;
  lineage: string;
}): Promise<{ all: string[]; deleted: Set<string> }> {
  const { repository, lineage } = options;
  const commits = commitsPrefix(lineage);
  const tombstones = tombstonesPrefix(lineage);
  const all = new Set<string>();
  const deleted = new Set<string>();
  for await (const { key } of repository.store.list(commits)) {
    if (NAME.test(key.slice(commits.length))) all.add(key);
  }
  for await (const { key } of repository.store.list(tombstones)) {
    const name = key.slice(tombstones.length);
    if (!NAME.test(name)) continue;
    const commit = commits + name;
    all.add(commit);
    deleted.add(commit);
  }
  return { all: [...all].sort(), deleted };
}

function lost(key: string, present: boolean): HoldfastError {
  if (!present) return new HoldfastError('STORE_ABSENT', { key });
  const reason = 'it is not the commit that the next one names';
  return new HoldfastError('OBJECT_CORRUPT', { object: key, reason });
}
