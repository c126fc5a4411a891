import type { CatalogueEntry } from './catalogue.ts';

export const recoveryErrors = {
  TARGET_OUTSIDE_WINDOW: {
    kind: 'usage',
    message: 'The target {target} is outside what can be restored.',
    hint: 'Run holdfast window {source} to see the restorable ranges.',
  },
} as const satisfies Record<string, CatalogueEntry>;
