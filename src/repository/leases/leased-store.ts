import type { Host } from '../../host/host.ts';
import { PATIENT_RETRIES, retrying } from '../../store/retry.ts';
import type { Store } from '../../store/store.ts';
import type { Lease } from './lease.ts';

/** The server keeps its log for a run that waits, so it must not wait for ever. */
const PATIENCE_MS = 15 * 60_000;

/**
 * A store for a run of hours under a lease: a write waits while the lease is paused, and is
 * repeated through an outage of a quarter of an hour; it rejects with LEASE_LOST when another
 * holder took over, and with LEASE_PAUSED after as long without a renewal. Not for the lease's own
 * object.
 */
export function leasedStore(options: {
  store: Store;
  host: Host;
  lease: Pick<Lease, 'ready'>;
  signal?: AbortSignal;
}): Store {
  const { store, host, lease, signal } = options;
  const whenReady = async <T>(write: () => Promise<T>): Promise<T> => {
    await lease.ready(signal, PATIENCE_MS);
    return await write();
  };
  const leased: Store = {
    location: store.location,
    get: (key, range) => store.get(key, range),
    stat: (key) => store.stat(key),
    list: (prefix) => store.list(prefix),
    read: (key) => store.read(key),
    put: (key, body) => whenReady(() => store.put(key, body)),
    remove: (key) => whenReady(() => store.remove(key)),
    replace: (key, body, expected) => whenReady(() => store.replace(key, body, expected)),
    discard: (key, expected) => whenReady(() => store.discard(key, expected)),
  };
  return retrying({ store: leased, host, table: PATIENT_RETRIES });
}
