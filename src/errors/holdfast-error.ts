import { catalogue, type ErrorCode } from './catalogue.ts';
import type { CatalogueEntry } from './catalogue-entry.ts';
import type { ErrorKind } from './kind.ts';

export type ErrorFacts = Readonly<Record<string, string | number | bigint | boolean>>;

/** An error of the catalogue: stable `code`, `kind` for the caller, `hint` for the person. */
export class HoldfastError extends Error {
  override readonly name = 'HoldfastError';
  readonly code: ErrorCode;
  readonly kind: ErrorKind;
  readonly hint: string;
  readonly facts: ErrorFacts;

  constructor(code: ErrorCode, facts: ErrorFacts = {}, options: { cause?: unknown } = {}) {
    const entry: CatalogueEntry = catalogue[code];
    super(fill(entry.message, facts), options);
    this.code = code;
    this.kind = entry.kind;
    this.hint = fill(entry.hint, facts);
    this.facts = facts;
  }
}

export function isHoldfastError(error: unknown, code?: ErrorCode): error is HoldfastError {
  return error instanceof HoldfastError && (code === undefined || error.code === code);
}

/** `{name}` in a template is replaced by the fact of that name. */
function fill(template: string, facts: ErrorFacts): string {
  return template.replace(/\{(\w+)\}/g, (whole, name: string) =>
    name in facts ? String(facts[name]) : whole,
  );
}
