import type { Check } from './check.ts';
import { checkBtreeIndexes } from './check-btree-indexes.ts';
import { checkConstraints } from './check-constraints.ts';
import { checkDomains } from './check-domains.ts';
import { checkExclusions } from './check-exclusions.ts';
import { checkForeignKeys } from './check-foreign-keys.ts';
import { checkHeap } from './check-heap.ts';
import { checkPages } from './check-pages.ts';
import { checkUniqueKeys } from './check-unique-keys.ts';
import { checkValidIndexes } from './check-valid-indexes.ts';
import { checkVisibilityMap } from './check-visibility-map.ts';

/** What L3 and L4 ask of every PostgreSQL, whatever it holds. */
export const standardChecks: readonly Check[] = [
  checkPages,
  checkHeap,
  checkBtreeIndexes,
  checkVisibilityMap,
  checkConstraints,
  checkDomains,
  checkForeignKeys,
  checkUniqueKeys,
  checkExclusions,
  checkValidIndexes,
];
