import { createCipheriv, createDecipheriv, hkdfSync } from 'node:crypto';
import { promisify } from 'node:util';
import { zstdCompress, zstdDecompress } from 'node:zlib';
import { HoldfastError, isHoldfastError } from '../../errors/holdfast-error.ts';
import type { Repository } from '../repository.ts';

/**
 * A small file that belongs to the log (a timeline history), immutable, readable for every role:
 *
 *   lineages/<lineage>/log-documents/<name>
 *
 *    0   8  magic "HFDOC" 0 0, version 1
 *    8  16  object id, random
 *   24      AES-256-GCM(zstd of the bytes) under HKDF-SHA256(lineage metadata key,
 *           salt = object id, info = "holdfast log document"); nonce zero;
 *           additional data = repository id, 0, key of the object
 *      16  tag
 */
const MAGIC = Buffer.from('HFDOC\0\0\u0001');
const HEADER = MAGIC.length + 16;
const MAX_BYTES = 64 << 20;

const compress = promisify(zstdCompress);
const decompress = promisify(zstdDecompress);

interface Place {
  readonly repository: Repository;
  readonly lineage: string;
  readonly name: string;
}

/** The same bytes stored before are 'already'; others are LOG_CONFLICT. */
export async function putLogDocument(
  options: Place & { bytes: Buffer },
): Promise<'stored' | 'already'> {
  const { repository, bytes } = options;
  const key = documentKey(options);
  const objectId = repository.host.random.bytes(16);
  const cipher = createCipheriv('aes-256-gcm', cipherKey(options, objectId), Buffer.alloc(12));
  cipher.setAAD(additionalData(options));
  const sealed = [cipher.update(await compress(bytes)), cipher.final(), cipher.getAuthTag()];
  try {
    await repository.store.put(key, [MAGIC, objectId, ...sealed]);
    return 'stored';
  } catch (error) {
    if (!isHoldfastError(error, 'STORE_EXISTS')) throw error;
    if (!bytes.equals(await readLogDocument(options))) {
      throw new HoldfastError('LOG_CONFLICT', { key }, { cause: error });
    }
    return 'already';
  }
}

/** LOG_CORRUPT unless it is exactly what was put under this name; STORE_ABSENT when never put. */
export async function readLogDocument(options: Place): Promise<Buffer> {
  const key = documentKey(options);
  const object = await options.repository.store.get(key);
  const corrupt = (reason: string, cause?: unknown) =>
    new HoldfastError('LOG_CORRUPT', { key, reason }, { cause });
  if (object.length < HEADER + 16) throw corrupt('it is too short');
  if (!object.subarray(0, MAGIC.length).equals(MAGIC)) throw corrupt('it is not a log document');
  try {
    const decipher = createDecipheriv(
      'aes-256-gcm',
      cipherKey(options, object.subarray(MAGIC.length, HEADER)),
      Buffer.alloc(12),
      { authTagLength: 16 },
    );
    decipher.setAAD(additionalData(options));
    decipher.setAuthTag(object.subarray(-16));
    const opened = [decipher.update(object.subarray(HEADER, -16)), decipher.final()];
    return await decompress(Buffer.concat(opened), { maxOutputLength: MAX_BYTES });
  } catch (cause) {
    throw corrupt('it was altered', cause);
  }
}

/** Names, ascending. */
export async function* listLogDocuments(options: Omit<Place, 'name'>): AsyncGenerator<string> {
  const prefix = documentKey({ ...options, name: '' });
  for await (const { key } of options.repository.store.list(prefix)) yield key.slice(prefix.length);
}

function documentKey({ lineage, name }: Omit<Place, 'repository'>): string {
  return `lineages/${lineage}/log-documents/${name}`;
}

function cipherKey({ repository, lineage }: Omit<Place, 'name'>, objectId: Buffer): Buffer {
  const metadataKey = repository.keys.lineageMetadataKey(lineage);
  return Buffer.from(hkdfSync('sha256', metadataKey, objectId, 'holdfast log document', 32));
}

function additionalData(place: Place): Buffer {
  return Buffer.from(`${place.repository.id}\0${documentKey(place)}`);
}
