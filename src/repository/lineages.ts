/** One database cluster's history in the repository. */
export interface Lineage {
  /** 32 lower-case hex digits, derived from the identity under the metadata key. */
  readonly id: string;
  /** The name of the source in holdfast.yaml. */
  readonly source: string;
  readonly engine: string;
  /** What makes the cluster itself: PostgreSQL's system identifier. */
  readonly identity: string;
  /** Milliseconds since the epoch. */
  readonly created: number;
}
