import { createHash } from 'node:crypto';
import { HoldfastError } from '../../src/errors/holdfast-error.ts';
import type { Store, StoredObject } from '../../src/store/store.ts';

/** A poor S3-compatible: conditions of writes are ignored, and the last writer wins silently. */
export function unconditionalStore(now: () => number = Date.now): Store {
  const objects = new Map<string, { body: Buffer; modified: number }>();
  const found = (key: string) => {
    const object = objects.get(key);
    if (object === undefined) throw new HoldfastError('STORE_ABSENT', { key });
    return object;
  };
  const versionOf = (body: Buffer) => createHash('sha256').update(body).digest('hex');
  const write = (key: string, body: Uint8Array | readonly Uint8Array[]) => {
    const bytes = Buffer.concat(body instanceof Uint8Array ? [body] : body);
    objects.set(key, { body: bytes, modified: now() });
    return bytes;
  };
  return {
    location: 'unconditional store',
    async put(key, body) {
      write(key, body);
    },
    async get(key, range) {
      return Buffer.from(found(key).body.subarray(range?.start ?? 0, range?.end));
    },
    async stat(key): Promise<StoredObject> {
      const { body, modified } = found(key);
      return { key, size: body.length, modified };
    },
    async *list(prefix) {
      for (const key of [...objects.keys()].sort()) {
        const { body, modified } = found(key);
        if (key.startsWith(prefix)) yield { key, size: body.length, modified };
      }
    },
    async remove(key) {
      objects.delete(key);
    },
    async read(key) {
      const object = objects.get(key);
      return object === undefined ? null : { ...object, version: versionOf(object.body) };
    },
    async replace(key, body) {
      return versionOf(write(key, body));
    },
    async discard(key) {
      objects.delete(key);
    },
  };
}
