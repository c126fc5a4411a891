import { sign, verify } from 'node:crypto';
import { z } from 'zod';
import { HoldfastError } from '../errors/holdfast-error.ts';
import { canonicalJson, type Json } from './keys/canonical-json.ts';
import { privateKey, publicKey } from './keys/curve-keys.ts';
import type { Secrets } from './keys/secrets.ts';

/**
 * repo.json: what must be known before a key is at hand. Written last at init, never changed.
 *
 *   { "formatVersion": 1, "id": 32 hex, "created": ISO time,
 *     "features": { "read": [], "write": [], "collect": [] },
 *     "dataPublicKey": base64 X25519, "rootPublicKey": base64 Ed25519,
 *     "signature": base64 }
 *
 * A feature named under an operation must be known to whoever does that operation.
 * signature = Ed25519 by the root over "holdfast repository", 0, canonical JSON of the other
 * members. The root key it is checked with comes from the unlocked recipient, never from here.
 * What the store can do is not in here: a replica has the same repo.json on another store.
 */
export const REPOSITORY_KEY = 'repo.json';
const VERSION = 1;
const KNOWN_FEATURES: readonly string[] = [];

export type Purpose = 'read' | 'write' | 'collect';

const schema = z.object({
  formatVersion: z.literal(VERSION),
  id: z.string().regex(/^[0-9a-f]{32}$/),
  created: z.iso.datetime(),
  features: z.record(z.string(), z.array(z.string())),
  dataPublicKey: z.base64(),
  rootPublicKey: z.base64(),
  signature: z.base64(),
});
export type RepositoryFile = z.infer<typeof schema> & { readonly signed: Buffer };

export function encodeRepositoryFile(options: { secrets: Secrets; created: string }): Buffer {
  const { secrets, created } = options;
  if (!secrets.full) throw new HoldfastError('KEY_WRITE_ONLY', { operation: 'sign repo.json' });
  const file = {
    formatVersion: VERSION,
    id: secrets.repository,
    created,
    features: { read: [], write: [], collect: [] },
    dataPublicKey: secrets.dataPublic.toString('base64'),
    rootPublicKey: secrets.rootPublic.toString('base64'),
  };
  const root = privateKey('ed25519', secrets.full.rootSeed);
  const signature = sign(null, signedBytes(file), root).toString('base64');
  return Buffer.from(`${JSON.stringify({ ...file, signature }, null, 2)}\n`);
}

/** REPOSITORY_NEWER, REPOSITORY_FEATURE or REPOSITORY_DAMAGED; the signature is checked later. */
export function parseRepositoryFile(body: Buffer, purpose: Purpose): RepositoryFile {
  let raw: Record<string, Json>;
  try {
    raw = z.record(z.string(), z.json()).parse(JSON.parse(body.toString()));
  } catch (cause) {
    throw damaged('it is not JSON', cause);
  }
  const found = raw.formatVersion;
  if (typeof found === 'number' && found > VERSION) {
    throw new HoldfastError('REPOSITORY_NEWER', { key: REPOSITORY_KEY, found, known: VERSION });
  }
  const parsed = schema.safeParse(raw);
  if (!parsed.success) throw damaged(z.prettifyError(parsed.error));
  const required = [...(parsed.data.features.read ?? []), ...(parsed.data.features[purpose] ?? [])];
  for (const feature of required) {
    if (KNOWN_FEATURES.includes(feature)) continue;
    throw new HoldfastError('REPOSITORY_FEATURE', { purpose, feature });
  }
  const { signature: _, ...others } = raw;
  return { ...parsed.data, signed: signedBytes(others) };
}

/** REPOSITORY_DAMAGED unless the root of these secrets signed exactly this file. */
export function verifyRepositoryFile(file: RepositoryFile, secrets: Secrets): void {
  if (file.id !== secrets.repository) throw damaged('it names another repository than its keys');
  const root = publicKey('ed25519', secrets.rootPublic);
  const same =
    file.rootPublicKey === secrets.rootPublic.toString('base64') &&
    file.dataPublicKey === secrets.dataPublic.toString('base64');
  if (!same || !verify(null, file.signed, root, Buffer.from(file.signature, 'base64'))) {
    throw damaged('its signature by the root key does not hold');
  }
}

function damaged(reason: string, cause?: unknown): HoldfastError {
  return new HoldfastError('REPOSITORY_DAMAGED', { key: REPOSITORY_KEY, reason }, { cause });
}

function signedBytes(file: Json): Buffer {
  return Buffer.from(`holdfast repository\0${canonicalJson(file)}`);
}
