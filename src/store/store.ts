/**
 * The contract of an object store, written for S3 and met by a directory.
 *
 * - A `put` or `replace` that resolved is durable, and visible to every later `get` and `list`.
 * - Objects are whole or absent: nobody ever reads half of one.
 * - A rejected call may still have taken effect (a lost response). Callers repeat it: a repeated
 *   create-only `put` that finds the object answers STORE_EXISTS, and the caller compares.
 * - Errors are HoldfastErrors: STORE_ABSENT, STORE_EXISTS, STORE_CHANGED, STORE_DENIED, STORE_FULL,
 *   STORE_TRANSIENT. A transport fault is never reported as absence.
 * - Keys are relative, `/`-separated, of `[A-Za-z0-9._-]` segments; objects are at most 1 GiB.
 */
export interface Store {
  /** For people: `/var/lib/holdfast`, `s3://bucket/prefix`. */
  readonly location: string;
  /** Creates `key`. STORE_EXISTS when it is there: immutable objects are never overwritten. */
  put(key: string, body: Uint8Array | readonly Uint8Array[]): Promise<void>;
  /** Reads `key`, or the given bytes of it. A range beyond the end answers what there is. */
  get(key: string, range?: ByteRange): Promise<Buffer>;
  /** STORE_ABSENT when missing. */
  stat(key: string): Promise<StoredObject>;
  /** Every object whose key starts with `prefix`, once, in ascending key order. */
  list(prefix: string): AsyncIterable<StoredObject>;
  /** Removes an immutable object. Absent is success. */
  remove(key: string): Promise<void>;

  /** Reads a mutable object with its version; null when it was never written. */
  read(key: string): Promise<VersionedObject | null>;
  /**
   * Compare-and-swap of a mutable object: writes only if its version is still `expected`
   * (null: it must not exist). Answers the new version; STORE_CHANGED when another writer won.
   */
  replace(key: string, body: Uint8Array, expected: string | null): Promise<string>;
  /** Removes a mutable object if its version is still `expected`; STORE_CHANGED otherwise. */
  discard(key: string, expected: string): Promise<void>;
}

/** Half-open: bytes `start` up to, not including, `end`. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

export interface StoredObject {
  readonly key: string;
  readonly size: number;
  /** Milliseconds since the epoch by the store's clock. */
  readonly modified: number;
}

export interface VersionedObject {
  readonly body: Buffer;
  /** Opaque; changes with every write. */
  readonly version: string;
  readonly modified: number;
}
