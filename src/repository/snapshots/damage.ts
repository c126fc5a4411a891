import { HoldfastError } from '../../errors/holdfast-error.ts';

/**
 * The bytes are not there or are not right. Anything else (a store that does not answer, keys that
 * do not suffice) says nothing about them and must not be reported as damage.
 */
export function isDamage(error: unknown): error is HoldfastError {
  return error instanceof HoldfastError && (error.kind === 'corrupt' || error.kind === 'absent');
}

/** The object an error names. */
export function objectOf(error: HoldfastError): string {
  return String(error.facts.object ?? error.facts.key ?? 'unknown');
}
