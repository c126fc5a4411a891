import * as crypto from 'node:crypto';
import { promisify } from 'node:util';
import { z } from 'zod';
import { HoldfastError } from '../../errors/holdfast-error.ts';
import type { Random } from '../../host/random.ts';

/** How the wrapping key comes from what the person has. Costs are bounded: the store wrote them. */
export const derivationSchema = z.discriminatedUnion('name', [
  z.object({
    name: z.literal('argon2id'),
    salt: z.base64(),
    memoryKiB: z.number().int().min(8).max(1_048_576),
    passes: z.number().int().min(1).max(16),
    parallelism: z.number().int().min(1).max(16),
  }),
  z.object({
    name: z.literal('scrypt'),
    salt: z.base64(),
    cost: z.number().int().min(2).max(1_048_576),
    blockSize: z.literal(8),
    parallelism: z.literal(1),
  }),
  z.object({ name: z.literal('hkdf-sha256'), salt: z.base64() }),
]);
export type Derivation = z.infer<typeof derivationSchema>;

export type Unlock =
  | { readonly kind: 'passphrase'; readonly passphrase: string }
  /** The 32 random bytes of a key file. */
  | { readonly kind: 'key-file'; readonly key: Buffer };

/** Absent before Node 24.7, hence no named import. */
const hasArgon2 = typeof crypto.argon2 === 'function';

/** 64 MiB for about 0.15 s: a service start, not a minute of every command. */
export function newDerivation(kind: Unlock['kind'], random: Random): Derivation {
  const salt = random.bytes(16).toString('base64');
  if (kind === 'key-file') return { name: 'hkdf-sha256', salt };
  return hasArgon2
    ? { name: 'argon2id', salt, memoryKiB: 65_536, passes: 3, parallelism: 1 }
    : { name: 'scrypt', salt, cost: 65_536, blockSize: 8, parallelism: 1 };
}

/** 32 bytes; undefined when this kind of unlock cannot answer this derivation. */
export async function wrappingKey(options: {
  unlock: Unlock;
  derivation: Derivation;
  /** The recipient, for errors. */
  key: string;
}): Promise<Buffer | undefined> {
  const { unlock, derivation } = options;
  const salt = Buffer.from(derivation.salt, 'base64');
  if (derivation.name === 'hkdf-sha256') {
    if (unlock.kind !== 'key-file') return undefined;
    return Buffer.from(crypto.hkdfSync('sha256', unlock.key, salt, 'holdfast key file v1', 32));
  }
  if (unlock.kind !== 'passphrase') return undefined;
  // The same passphrase typed on another keyboard may compose its accents differently.
  const message = Buffer.from(unlock.passphrase.normalize('NFKC'));
  if (derivation.name === 'scrypt') return scrypt(message, salt, derivation.cost);
  if (!hasArgon2) {
    throw new HoldfastError('KEY_KDF_UNSUPPORTED', { key: options.key, kdf: derivation.name });
  }
  return await promisify(crypto.argon2)('argon2id', {
    message,
    nonce: salt,
    parallelism: derivation.parallelism,
    tagLength: 32,
    memory: derivation.memoryKiB,
    passes: derivation.passes,
  });
}

function scrypt(message: Buffer, salt: Buffer, cost: number): Promise<Buffer> {
  const maxmem = 256 * 8 * cost;
  return new Promise((resolve, reject) =>
    crypto.scrypt(message, salt, 32, { N: cost, r: 8, p: 1, maxmem }, (error, key) =>
      error ? reject(error) : resolve(key),
    ),
  );
}

/** KEY_WEAK for what should not protect a repository. */
export function assertStrong(unlock: Unlock): void {
  const weak = (kind: string, reason: string) => new HoldfastError('KEY_WEAK', { kind, reason });
  if (unlock.kind === 'passphrase' && [...unlock.passphrase].length < 8) {
    throw weak('passphrase', 'it has fewer than 8 characters.');
  }
  if (unlock.kind === 'key-file' && unlock.key.length !== 32) {
    throw weak('key file', `it holds ${unlock.key.length} bytes instead of 32.`);
  }
}
