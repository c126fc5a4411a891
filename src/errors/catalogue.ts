import { captureErrors } from './capture-errors.ts';
import type { CatalogueEntry } from './catalogue-entry.ts';
import { configErrors } from './config-errors.ts';
import { postgresErrors } from './postgres-errors.ts';
import { recoveryErrors } from './recovery-errors.ts';
import { repositoryErrors } from './repository-errors.ts';
import { storeErrors } from './store-errors.ts';
import { walErrors } from './wal-errors.ts';

export const catalogue = {
  INTERNAL: {
    kind: 'internal',
    message: 'A defect in holdfast: {reason}',
    hint: 'Nothing was acknowledged that is not durable. Please report this with the command and its output.',
  },
  ...storeErrors,
  ...repositoryErrors,
  ...postgresErrors,
  ...walErrors,
  ...captureErrors,
  ...recoveryErrors,
  ...configErrors,
} as const satisfies Record<string, CatalogueEntry>;

export type ErrorCode = keyof typeof catalogue;
