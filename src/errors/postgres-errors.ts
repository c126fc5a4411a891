import type { CatalogueEntry } from './catalogue.ts';

export const postgresErrors = {
  POSTGRES_UNREACHABLE: {
    kind: 'transient',
    message: 'PostgreSQL at {address} cannot be reached: {reason}',
    hint: 'Check that the server runs and listens there, then run holdfast doctor.',
  },
} as const satisfies Record<string, CatalogueEntry>;
