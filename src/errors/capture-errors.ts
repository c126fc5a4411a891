import type { CatalogueEntry } from './catalogue.ts';

export const captureErrors = {
  CAPTURE_SECOND_WRITER: {
    kind: 'conflict',
    message: 'Another holdfast process is already writing this: {role} held by {holder}.',
    hint: 'Let it finish, or stop it; its lease lapses by itself {ttl} s after its last sign of life.',
  },
} as const satisfies Record<string, CatalogueEntry>;
