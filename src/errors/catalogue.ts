import { captureErrors } from './capture-errors.ts';
import { configErrors } from './config-errors.ts';
import type { ErrorKind } from './kind.ts';
import { postgresErrors } from './postgres-errors.ts';
import { recoveryErrors } from './recovery-errors.ts';
import { repositoryErrors } from './repository-errors.ts';
import { storeErrors } from './store-errors.ts';

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

export const catalogue = {
  INTERNAL: {
    kind: 'internal',
    message: 'A defect in holdfast: {reason}',
    hint: 'Nothing was acknowledged that is not durable. Please report this with the command and its output.',
  },
  ...storeErrors,
  ...repositoryErrors,
  ...postgresErrors,
  ...captureErrors,
  ...recoveryErrors,
  ...configErrors,
} as const satisfies Record<string, CatalogueEntry>;

export type ErrorCode = keyof typeof catalogue;
