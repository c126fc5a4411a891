import type { Instant } from '../../content/instant.ts';
import { type Lsn, parseLsn } from '../../engines/postgres/lsn.ts';

/** Where a restore is asked to end. */
export type Target =
  /** The newest position held. */
  | { readonly kind: 'latest' }
  /** Everything committed at or before this time, nothing after. */
  | { readonly kind: 'time'; readonly time: Instant }
  /** Up to and including the record that starts here (recovery_target_lsn). */
  | { readonly kind: 'lsn'; readonly lsn: Lsn }
  /** Up to and including this transaction's commit or abort. */
  | { readonly kind: 'xid'; readonly xid: number }
  /** A named restore point (pg_create_restore_point). */
  | { readonly kind: 'name'; readonly name: string }
  /** The moment one snapshot became consistent. */
  | { readonly kind: 'snapshot'; readonly id: string };

/** From PostgreSQL's spelling, `16/B374D848`; throws RangeError. */
export function lsnTarget(text: string): Target {
  return { kind: 'lsn', lsn: parseLsn(text) };
}
