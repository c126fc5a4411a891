import { z } from 'zod';
import { HoldfastError, isHoldfastError } from '../../errors/holdfast-error.ts';
import { canonicalJson, type Json } from '../keys/canonical-json.ts';
import type { Repository } from '../repository.ts';

/**
 * A signed object is one JSON object whose members are what is signed, and
 *
 *   "formatVersion": 1, "repository": 32 hex,
 *   "signature": base64 Ed25519, "signer": { "publicKey", "certificate" }
 *
 * The signature is over "holdfast ", the purpose, a zero byte, and the canonical JSON (members
 * sorted by name, no white space) of all members but `signature` and `signer`.
 */
const VERSION = 1;

const envelope = z.object({
  formatVersion: z.number().int(),
  repository: z.string(),
  signature: z.string(),
  signer: z.object({ publicKey: z.string(), certificate: z.string() }),
});

export type Purpose = 'commit' | 'tombstone';

export function signJson(options: {
  repository: Repository;
  purpose: Purpose;
  value: Readonly<Record<string, Json>>;
}): Buffer {
  const { repository, purpose } = options;
  const value = { formatVersion: VERSION, repository: repository.id, ...options.value };
  const { signature, signer } = repository.keys.sign(message(purpose, value));
  return Buffer.from(`${JSON.stringify({ ...value, signature, signer: { ...signer } })}\n`);
}

/**
 * OBJECT_CORRUPT unless it is of this form and a writer of this repository signed it;
 * REPOSITORY_NEWER for a later form. Nothing of it is used before the signature holds.
 */
export function openSignedJson<Value>(options: {
  repository: Repository;
  purpose: Purpose;
  key: string;
  body: Buffer;
  schema: z.ZodType<Value>;
}): Value {
  const { repository, purpose, key, body } = options;
  const damaged = (reason: string, cause?: unknown) =>
    new HoldfastError('OBJECT_CORRUPT', { object: key, reason }, { cause });
  let value: Record<string, Json>;
  try {
    value = z.record(z.string(), z.json()).parse(JSON.parse(body.toString('utf8')));
  } catch (cause) {
    throw damaged('it is not JSON', cause);
  }
  const signed = envelope.safeParse(value);
  if (!signed.success) throw damaged(z.prettifyError(signed.error));
  if (signed.data.formatVersion > VERSION) {
    const found = signed.data.formatVersion;
    throw new HoldfastError('REPOSITORY_NEWER', { key, found, known: VERSION });
  }
  const { signature: _, signer: __, ...others } = value;
  try {
    repository.keys.verify(message(purpose, others), signed.data);
  } catch (error) {
    if (!isHoldfastError(error, 'SIGNATURE_INVALID')) throw error;
    throw damaged('its signature does not hold', error);
  }
  if (signed.data.repository !== repository.id) throw damaged('it is of another repository');
  const parsed = options.schema.safeParse(value);
  if (!parsed.success) throw damaged(z.prettifyError(parsed.error));
  return parsed.data;
}

function message(purpose: Purpose, value: Json): Buffer {
  return Buffer.from(`holdfast ${purpose}\0${canonicalJson(value)}`);
}
