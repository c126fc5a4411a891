import { createCipheriv, createDecipheriv, hkdfSync } from 'node:crypto';
import { z } from 'zod';
import { HoldfastError } from '../errors/holdfast-error.ts';
import { canonicalJson, type Json } from './keys/canonical-json.ts';
import type { Repository } from './repository.ts';

/**
 * A small JSON object under the metadata key of a lineage:
 *
 *   { "formatVersion": 1, "lineage": 32 hex,
 *     "sealed": base64 of nonce 12 ‖ AES-256-GCM(JSON) ‖ tag 16 }
 *
 * cipher key = HKDF-SHA256(lineage metadata key, info = "holdfast sealed json"); random nonces, so
 * at most 2^32 objects and renewals a lineage. Additional data = repository id, 0, lineage, 0, key:
 * it opens only where it was written.
 */
const VERSION = 1;

const schema = z.object({
  formatVersion: z.number().int(),
  lineage: z.string().regex(/^[0-9a-f]{32}$/),
  sealed: z.base64(),
});

interface Place {
  readonly repository: Repository;
  /** The object's key in the store. */
  readonly key: string;
}

export function sealJson(place: Place & { lineage: string; value: Json }): Buffer {
  const { repository, lineage, value } = place;
  const nonce = repository.host.random.bytes(12);
  const cipher = createCipheriv('aes-256-gcm', cipherKey(repository, lineage), nonce);
  cipher.setAAD(additionalData(place, lineage));
  const sealed = Buffer.concat([nonce, cipher.update(canonicalJson(value)), cipher.final()]);
  return Buffer.from(
    JSON.stringify({
      formatVersion: VERSION,
      lineage,
      sealed: Buffer.concat([sealed, cipher.getAuthTag()]).toString('base64'),
    }),
  );
}

/** SEALED_CORRUPT unless it was sealed for this key by a holder of the metadata key. */
export function openJson<Value>(place: Place & { body: Buffer; schema: z.ZodType<Value> }): {
  lineage: string;
  value: Value;
} {
  const { repository, key, body } = place;
  try {
    const { formatVersion, lineage, sealed } = schema.parse(JSON.parse(body.toString()));
    if (formatVersion > VERSION) {
      throw new HoldfastError('REPOSITORY_NEWER', { key, found: formatVersion, known: VERSION });
    }
    const bytes = Buffer.from(sealed, 'base64');
    const decipher = createDecipheriv(
      'aes-256-gcm',
      cipherKey(repository, lineage),
      bytes.subarray(0, 12),
      { authTagLength: 16 },
    );
    decipher.setAAD(additionalData(place, lineage));
    decipher.setAuthTag(bytes.subarray(-16));
    const text = Buffer.concat([decipher.update(bytes.subarray(12, -16)), decipher.final()]);
    return { lineage, value: place.schema.parse(JSON.parse(text.toString())) };
  } catch (cause) {
    if (cause instanceof HoldfastError) throw cause;
    throw new HoldfastError('SEALED_CORRUPT', { key }, { cause });
  }
}

function cipherKey(repository: Repository, lineage: string): Buffer {
  const metadataKey = repository.keys.lineageMetadataKey(lineage);
  return Buffer.from(hkdfSync('sha256', metadataKey, Buffer.alloc(0), 'holdfast sealed json', 32));
}

function additionalData(place: Place, lineage: string): Buffer {
  return Buffer.from([place.repository.id, lineage, place.key].join('\0'));
}
