import type { CatalogueEntry } from './catalogue.ts';

export const repositoryErrors = {
  REPOSITORY_ABSENT: {
    kind: 'absent',
    message: 'There is no holdfast repository at {location}.',
    hint: 'Create one with holdfast init, or correct repository.location in holdfast.yaml.',
  },
} as const satisfies Record<string, CatalogueEntry>;
