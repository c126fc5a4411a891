import type { ErrorKind } from './kind.ts';

/**
 * One entry per failure a person can meet. `docs/errors.md` is generated from these tables.
 *
 * `message` says what is so; `hint` says the exact next step. `{facts}` are filled at the throw.
 */
export interface CatalogueEntry {
  readonly kind: ErrorKind;
  readonly message: string;
  readonly hint: string;
}
