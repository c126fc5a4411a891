import { HoldfastError } from '../../errors/holdfast-error.ts';

/** The errno name of a failed file-system call; undefined when it is something else. */
export function errnoOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string'
    ? error.code
    : undefined;
}

const FULL = new Set(['ENOSPC', 'EDQUOT']);
const DENIED = new Set(['EACCES', 'EPERM', 'EROFS']);

export function isDenied(error: unknown): boolean {
  return DENIED.has(errnoOf(error) ?? '');
}

/**
 * A failed call as the store's error. ENOENT is not special here: that an object is absent is
 * only ever said by the read that looked for exactly that object.
 */
export function storeError(error: unknown, facts: { operation: string; key: string }): Error {
  if (error instanceof HoldfastError) return error;
  const errno = errnoOf(error);
  if (errno === undefined) return error instanceof Error ? error : new Error(String(error));
  const reason = error instanceof Error ? error.message : errno;
  const code = FULL.has(errno)
    ? 'STORE_FULL'
    : isDenied(error)
      ? 'STORE_DENIED'
      : 'STORE_TRANSIENT';
  return new HoldfastError(code, { ...facts, reason }, { cause: error });
}
