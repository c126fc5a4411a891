import type { Store } from '../../store/store.ts';
import { packKey } from '../packs/pack-trailer.ts';
import { indexKey } from './blob.ts';
import type { Snapshot } from './snapshot.ts';

type Relied = Pick<Snapshot, 'packs' | 'indexes'>;

/** Keys and sizes of every object the snapshot relies on, besides its commit. */
export function objectsOf(snapshot: Relied): Map<string, number> {
  const objects = new Map<string, number>();
  for (const { id, size } of snapshot.packs) objects.set(packKey(id), size);
  for (const { id, size } of snapshot.indexes) objects.set(indexKey(id), size);
  return objects;
}

/** Level V0: every object exists and has its size, by listing alone. */
export async function* findUnsound(
  store: Store,
  snapshot: Relied,
): AsyncGenerator<{ readonly key: string; readonly reason: string; readonly missing: boolean }> {
  const expected = objectsOf(snapshot);
  for (const prefix of ['packs/', 'maps/']) {
    for await (const { key, size } of store.list(prefix)) {
      const wanted = expected.get(key);
      if (wanted === undefined) continue;
      expected.delete(key);
      if (size === wanted) continue;
      const reason = `has ${size} bytes instead of ${wanted}`;
      yield { key, reason, missing: false };
    }
  }
  for (const key of expected.keys()) yield { key, reason: 'is not in the store', missing: true };
}
