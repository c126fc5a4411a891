import { HoldfastError } from '../errors/holdfast-error.ts';

/**
 * Relative, `/`-separated, segments of `[A-Za-z0-9._-]`. No segment begins with a dot (temporary
 * files do) or ends in `.v` (the version directories of mutable objects do).
 */
const SEGMENT = /^(?!\.)(?!.*\.v$)[A-Za-z0-9._-]{1,200}$/;

export function isKeySegment(name: string): boolean {
  return SEGMENT.test(name);
}

/** A key that is not one is a defect of the caller, never a missing object. */
export function assertKey(key: string): void {
  if (key.length > 900 || !key.split('/').every(isKeySegment)) {
    throw new HoldfastError('INTERNAL', { reason: `"${key}" is not an object key` });
  }
}
