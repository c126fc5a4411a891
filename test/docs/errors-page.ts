import { writeFileSync } from 'node:fs';
import { catalogue } from '../../src/errors/catalogue.ts';
import type { CatalogueEntry } from '../../src/errors/catalogue-entry.ts';
import { type ErrorKind, EXIT_CODE } from '../../src/errors/kind.ts';

/**
 * docs/errors.md, from the catalogue. After changing an error:
 *
 *     node test/docs/errors-page.ts
 */
export const ERRORS_PAGE = new URL('../../docs/errors.md', import.meta.url);

const MEANING: Readonly<Record<ErrorKind, string>> = {
  internal: 'a defect of holdfast',
  usage: 'the request is wrong or refused; nothing was changed',
  absent: 'the named thing does not exist',
  transient: 'the same request may succeed later',
  corrupt: 'stored bytes are not what was written',
  conflict: 'another writer, cluster or content is already there',
  denied: 'credentials, keys or permissions do not allow it',
  unproven: 'everything ran, and a check of the result failed',
};

export function errorsPage(): string {
  const kinds = Object.keys(EXIT_CODE) as ErrorKind[];
  const entries = Object.entries<CatalogueEntry>(catalogue).sort(([a], [b]) => (a < b ? -1 : 1));
  const sections = kinds.map((kind) => {
    const own = entries.filter(([, entry]) => entry.kind === kind);
    return `## ${kind}: exit code ${EXIT_CODE[kind]}\n\nIt means: ${MEANING[kind]}.\n${own.map(section).join('')}`;
  });
  return `# Errors

<!-- Generated from src/errors by test/docs/errors-page.ts: do not edit. -->

An error is printed as \`error [CODE]: what is so\` and, below it, \`→ what to do\`. With \`--json\` the same four
fields, \`code\`, \`kind\`, \`message\` and \`hint\`, are in one document on stdout. Codes are stable: scripts may rely
on them. Words in braces are filled in.

The kind decides the exit code, and the kinds are never mixed: what could not be reached is never called absent.

${sections.join('\n')}`;
}

function section([code, { message, hint }]: [string, CatalogueEntry]): string {
  return `\n### ${code}\n\n\`\`\`text\n${message}\n→ ${hint}\n\`\`\`\n`;
}

if (import.meta.main) writeFileSync(ERRORS_PAGE, errorsPage());
