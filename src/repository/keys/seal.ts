import { createCipheriv, createDecipheriv, diffieHellman, hkdfSync } from 'node:crypto';
import { HoldfastError } from '../../errors/holdfast-error.ts';
import { privateKey, publicKey, publicOf } from './curve-keys.ts';

/**
 * A 32-byte key sealed to an X25519 public key, 80 bytes:
 *
 *    0  32  ephemeral public key (X25519)
 *   32  32  the key, encrypted
 *   64  16  AES-256-GCM tag
 *
 *   shared = X25519(ephemeral private, recipient public)
 *   cipher key = HKDF-SHA256(ikm = shared, salt = ephemeral public ‖ recipient public,
 *                            info = "holdfast sealed key v1", 32 bytes)
 *   nonce = 12 zero bytes: the cipher key is used once
 *   additional data = the caller's, binding the seal to its object
 */
export const SEALED_KEY_LENGTH = 80;

const INFO = 'holdfast sealed key v1';
const NONCE = Buffer.alloc(12);

export function sealKey(options: {
  key: Buffer;
  recipientPublic: Buffer;
  /** 32 random bytes, never used twice. */
  ephemeralPrivate: Buffer;
  aad: Buffer;
}): Buffer {
  const { key, recipientPublic, ephemeralPrivate, aad } = options;
  if (key.length !== 32)
    throw new HoldfastError('INTERNAL', { reason: 'a sealed key is 32 bytes' });
  const ephemeralPublic = publicOf('x25519', ephemeralPrivate);
  const shared = diffieHellman({
    privateKey: privateKey('x25519', ephemeralPrivate),
    publicKey: publicKey('x25519', recipientPublic),
  });
  const cipher = createCipheriv(
    'aes-256-gcm',
    cipherKey({ shared, ephemeralPublic, recipientPublic }),
    NONCE,
  );
  cipher.setAAD(aad);
  const sealed = Buffer.concat([cipher.update(key), cipher.final()]);
  return Buffer.concat([ephemeralPublic, sealed, cipher.getAuthTag()]);
}

/** KEY_SEAL_CORRUPT unless exactly this was sealed to this key with this additional data. */
export function openKey(options: {
  sealed: Buffer;
  recipientPrivate: Buffer;
  aad: Buffer;
}): Buffer {
  const { sealed, recipientPrivate, aad } = options;
  try {
    if (sealed.length !== SEALED_KEY_LENGTH) throw new Error(`${sealed.length} bytes`);
    const ephemeralPublic = sealed.subarray(0, 32);
    const shared = diffieHellman({
      privateKey: privateKey('x25519', recipientPrivate),
      publicKey: publicKey('x25519', ephemeralPublic),
    });
    const recipientPublic = publicOf('x25519', recipientPrivate);
    const decipher = createDecipheriv(
      'aes-256-gcm',
      cipherKey({ shared, ephemeralPublic, recipientPublic }),
      NONCE,
      { authTagLength: 16 },
    );
    decipher.setAAD(aad);
    decipher.setAuthTag(sealed.subarray(64));
    return Buffer.concat([decipher.update(sealed.subarray(32, 64)), decipher.final()]);
  } catch (cause) {
    throw new HoldfastError('KEY_SEAL_CORRUPT', {}, { cause });
  }
}

function cipherKey(parts: {
  shared: Buffer;
  ephemeralPublic: Buffer;
  recipientPublic: Buffer;
}): Buffer {
  const salt = Buffer.concat([parts.ephemeralPublic, parts.recipientPublic]);
  return Buffer.from(hkdfSync('sha256', parts.shared, salt, INFO, 32));
}
