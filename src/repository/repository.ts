import type { Host } from '../host/host.ts';
import type { Store } from '../store/store.ts';
import type { KeyRing } from './keys/key-ring.ts';

/** An open repository: where its objects are, and the keys to them. */
export interface Repository {
  /** 32 lower-case hex digits; bound into every sealed object. */
  readonly id: string;
  readonly store: Store;
  readonly keys: KeyRing;
  readonly host: Host;
}
