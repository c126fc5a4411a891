/**
 * Where an engine puts what it captures. The engine knows nothing of packs; the repository knows
 * nothing of PostgreSQL. Content is one of two shapes:
 *
 * - paged: fixed-size pages with stable positions (a relation segment);
 * - stream: bytes in order (everything else).
 */
export type Shape =
  | { readonly kind: 'paged'; readonly pageSize: number }
  | { readonly kind: 'stream' };

/** How the bytes that follow `begin` relate to the same path in the parent snapshot. */
export type Basis =
  /** All `size` bytes follow, in order. */
  | { readonly kind: 'whole' }
  /**
   * The listed pages follow, ascending. Every other page below `limit` (in pages) is the parent's;
   * a page found nowhere is zero. Only for paged files that the parent holds.
   */
  | { readonly kind: 'pages'; readonly pages: Uint32Array; readonly limit: number };

export interface CapturedFile {
  /** Relative, `/`-separated, below the captured root. */
  readonly path: string;
  readonly shape: Shape;
  readonly basis: Basis;
  /** Length in bytes the file has once restored. */
  readonly size: number;
  /** Permission bits. */
  readonly mode: number;
}

/** Calls come in order: begin, write…, end; then the next file. */
export interface CaptureSink {
  /** An empty or non-empty directory that must exist once restored. */
  directory(directory: { readonly path: string; readonly mode: number }): void;
  begin(file: CapturedFile): void;
  /** `bytes` are borrowed: they are copied or consumed before the call returns. */
  write(bytes: Uint8Array): void;
  /** Throws when fewer or more bytes came than `begin` announced. */
  end(): void;
  /** A promise while the sink wants the source to pause; undefined when it may go on. */
  pressure(): Promise<void> | undefined;
}
