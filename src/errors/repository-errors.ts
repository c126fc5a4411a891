import type { CatalogueEntry } from './catalogue.ts';

export const repositoryErrors = {
  REPOSITORY_ABSENT: {
    kind: 'absent',
    message: 'There is no holdfast repository at {location}.',
    hint: 'Create one with holdfast init, or correct repository.location in holdfast.yaml.',
  },
  OBJECT_CORRUPT: {
    kind: 'corrupt',
    message: 'The stored object {object} is damaged: {reason}.',
    hint: 'Run holdfast verify --level V3 to see which snapshots need it; the others restore. Put the object back from another copy of the repository.',
  },
  FORMAT_NEWER: {
    kind: 'usage',
    message:
      'The stored object {object} has format version {version}, newer than this holdfast reads.',
    hint: 'Run the newest holdfast: npm install --global holdfast@latest',
  },
} as const satisfies Record<string, CatalogueEntry>;
