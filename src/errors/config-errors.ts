import type { CatalogueEntry } from './catalogue.ts';

export const configErrors = {
  CONFIG_INVALID: {
    kind: 'usage',
    message: '{file}:{line}: {reason}',
    hint: 'Correct that line and run the command again; nothing was changed.',
  },
} as const satisfies Record<string, CatalogueEntry>;
