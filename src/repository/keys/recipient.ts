import { createCipheriv, createDecipheriv, createHash } from 'node:crypto';
import { z } from 'zod';
import { HoldfastError } from '../../errors/holdfast-error.ts';
import type { Host } from '../../host/host.ts';
import { canonicalJson, type Json } from './canonical-json.ts';
import type { Role } from './role.ts';
import { decodeSecrets, encodeSecrets, type Secrets } from './secrets.ts';
import {
  assertStrong,
  type Derivation,
  derivationSchema,
  newDerivation,
  type Unlock,
  wrappingKey,
} from './wrapping-key.ts';

/**
 * keys/<id>.json: the repository's secrets, wrapped for one recipient.
 *
 *   { "formatVersion": 1, "id", "label", "role": "full" | "writer", "created",
 *     "derivation": { "name": "argon2id" | "scrypt" | "hkdf-sha256", "salt", costs… },
 *     "sealed":  base64 of nonce 12 ‖ AES-256-GCM(secrets) ‖ tag 16,
 *     "digest":  SHA-256 (hex) over the canonical JSON of the other members }
 *
 * Additional data = canonical JSON of all members but `sealed` and `digest`. The digest tells a
 * damaged file from a wrong passphrase; it protects nothing.
 */
const RECIPIENT_VERSION = 1;

const schema = z.object({
  formatVersion: z.number().int(),
  id: z.string().regex(/^[0-9a-f]{32}$/),
  label: z.string(),
  role: z.enum(['full', 'writer']),
  created: z.iso.datetime(),
  derivation: derivationSchema,
  sealed: z.base64(),
  digest: z.string(),
});
type RecipientFile = z.infer<typeof schema>;

/** Who shall be able to open a repository, and how far. */
export interface NewRecipient {
  readonly unlock: Unlock;
  /** Default: full. */
  readonly role?: Role;
  /** For people: `ops passphrase`, `db1`. */
  readonly label: string;
}

export interface Recipient {
  readonly id: string;
  readonly label: string;
  readonly role: Role;
  readonly kind: Unlock['kind'];
  readonly created: string;
}

function recipientKey(id: string): string {
  return `keys/${id}.json`;
}

/** KEY_WEAK when the passphrase or key file must not be used. */
export async function wrapSecrets(options: {
  host: Host;
  recipient: NewRecipient;
  secrets: Secrets;
}): Promise<{ key: string; body: Buffer }> {
  const { host, recipient, secrets } = options;
  assertStrong(recipient.unlock);
  const header = {
    formatVersion: RECIPIENT_VERSION,
    id: host.random.bytes(16).toString('hex'),
    label: recipient.label,
    role: secrets.role,
    created: new Date(host.clock.now()).toISOString(),
    derivation: newDerivation(recipient.unlock.kind, host.random),
  };
  const key = recipientKey(header.id);
  const wrapping = await wrappingKey({ ...recipient, derivation: header.derivation, key });
  if (wrapping === undefined) throw new HoldfastError('INTERNAL', { reason: 'derivation of kind' });
  const nonce = host.random.bytes(12);
  const cipher = createCipheriv('aes-256-gcm', wrapping, nonce);
  cipher.setAAD(Buffer.from(canonicalJson(header)));
  const sealed = Buffer.concat([nonce, cipher.update(encodeSecrets(secrets)), cipher.final()]);
  const file = {
    ...header,
    sealed: Buffer.concat([sealed, cipher.getAuthTag()]).toString('base64'),
  };
  const body = JSON.stringify({ ...file, digest: digestOf(file) }, null, 2);
  return { key, body: Buffer.from(`${body}\n`) };
}

/** REPOSITORY_DAMAGED when the bytes are not a whole recipient file, REPOSITORY_NEWER when too new. */
export function parseRecipient(key: string, body: Buffer): RecipientFile {
  const damaged = (reason: string, cause?: unknown) =>
    new HoldfastError('REPOSITORY_DAMAGED', { key, reason }, { cause });
  let raw: Record<string, Json>;
  try {
    raw = z.record(z.string(), z.json()).parse(JSON.parse(body.toString()));
  } catch (cause) {
    throw damaged('it is not JSON', cause);
  }
  const { digest, ...others } = raw;
  if (digest !== digestOf(others)) throw damaged('its digest differs');
  const found = Number(raw.formatVersion);
  if (found > RECIPIENT_VERSION) {
    throw new HoldfastError('REPOSITORY_NEWER', { key, found, known: RECIPIENT_VERSION });
  }
  const parsed = schema.safeParse(raw);
  if (!parsed.success) throw damaged(z.prettifyError(parsed.error));
  return parsed.data;
}

/** undefined when this unlock does not open this recipient. */
export async function unwrapSecrets(options: {
  file: RecipientFile;
  unlock: Unlock;
}): Promise<Secrets | undefined> {
  const { file, unlock } = options;
  const { sealed, digest: _, ...header } = file;
  const key = recipientKey(file.id);
  const wrapping = await wrappingKey({ unlock, derivation: file.derivation, key });
  if (wrapping === undefined) return undefined;
  const bytes = Buffer.from(sealed, 'base64');
  let payload: Buffer;
  try {
    const decipher = createDecipheriv('aes-256-gcm', wrapping, bytes.subarray(0, 12), {
      authTagLength: 16,
    });
    decipher.setAAD(Buffer.from(canonicalJson(header)));
    decipher.setAuthTag(bytes.subarray(-16));
    payload = Buffer.concat([decipher.update(bytes.subarray(12, -16)), decipher.final()]);
  } catch {
    return undefined;
  }
  try {
    return decodeSecrets(payload);
  } catch (cause) {
    const facts = { key, reason: 'its secrets are not of this version' };
    throw new HoldfastError('REPOSITORY_DAMAGED', facts, { cause });
  }
}

export function describeRecipient(file: RecipientFile): Recipient {
  const { id, label, role, created } = file;
  return { id, label, role, created, kind: kindOf(file.derivation) };
}

export function kindOf(derivation: Derivation): Unlock['kind'] {
  return derivation.name === 'hkdf-sha256' ? 'key-file' : 'passphrase';
}

function digestOf(file: Json): string {
  return createHash('sha256').update(canonicalJson(file)).digest('hex');
}
