import type { Json } from '../keys/canonical-json.ts';
import type { PackReference } from '../packs/open-pack.ts';
import type { BlobReference, IndexReference } from './blob.ts';
import type { LeafReference } from './file-leaf.ts';

/** A committed snapshot: everything needed to restore it, and every object it relies on. */
export interface Snapshot {
  /** 32 hex digits. */
  readonly id: string;
  readonly lineage: string;
  /** Of the writer's lease. */
  readonly generation: number;
  /** Ascends along the lineage, also over deleted snapshots. */
  readonly sequence: number;
  /** Of the commit object. */
  readonly key: string;
  /** Of the commit object's bytes, hex. */
  readonly sha256: string;
  /** The commit before this one in the lineage. */
  readonly predecessor: CommitReference | null;
  /** The snapshot this one was taken against; it may be deleted by now. */
  readonly parent: string | null;
  /** Milliseconds since the epoch by the writer's clock. */
  readonly created: number;
  /** Every pack its maps read from, its own and inherited. */
  readonly packs: readonly PackReference[];
  /** Every index object its blobs are in, its own and inherited. */
  readonly indexes: readonly IndexReference[];
  /** What the engine says of it. */
  readonly engine: Json;
  readonly leaves: readonly LeafReference[];
  readonly documents: ReadonlyMap<string, BlobReference>;
  readonly stats: SnapshotStats;
}

export interface CommitReference {
  readonly key: string;
  readonly sha256: string;
}

export interface SnapshotStats {
  readonly filesTotal: number;
  /** Bytes of all files once restored. */
  readonly bytesTotal: number;
  /** Bytes of the packs this snapshot added. */
  readonly bytesStored: number;
  /** Pages this snapshot added. */
  readonly pagesStored: number;
  /** Pages read from packs of earlier snapshots. */
  readonly pagesShared: number;
  /** Packs this snapshot added. */
  readonly packs: number;
}

export function commitKey(at: { lineage: string; generation: number; sequence: number }): string {
  return `${commitsPrefix(at.lineage)}${position(at)}.json`;
}

export function commitsPrefix(lineage: string): string {
  return `lineages/${lineage}/snapshots/`;
}

export function tombstonesPrefix(lineage: string): string {
  return `lineages/${lineage}/tombstones/`;
}

/** Where the tombstone of a commit is, under the same name. */
export function tombstoneKey(commit: { lineage: string; key: string }): string {
  return tombstonesPrefix(commit.lineage) + commit.key.slice(commitsPrefix(commit.lineage).length);
}

function position(at: { generation: number; sequence: number }): string {
  return [at.generation, at.sequence].map((part) => String(part).padStart(8, '0')).join('-');
}
