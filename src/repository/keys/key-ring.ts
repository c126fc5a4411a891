import type { Role } from './role.ts';
import type { Secrets } from './secrets.ts';

/** The key that made a signature, and the root key's word for it. */
export interface Signer {
  /** Raw Ed25519 public key, base64. */
  readonly publicKey: string;
  /** The root key's Ed25519 signature over the certificate message, base64. */
  readonly certificate: string;
}

export interface Signed {
  /** Ed25519, base64. */
  readonly signature: string;
  readonly signer: Signer;
}

/**
 * The unlocked keys of one repository. Nothing in here is ever written or logged.
 *
 * Page data is sealed to a public key, so that a host which only writes cannot read it back;
 * everything a writer must read again (maps, lists, leases) is under the metadata key.
 */
export interface KeyRing {
  readonly role: Role;
  /** Seals a random 32-byte key to the data public key: 80 bytes. */
  sealPackKey(packKey: Buffer, aad: Buffer): Buffer;
  /** KEY_WRITE_ONLY for a writer; KEY_SEAL_CORRUPT when the bytes are not what was sealed. */
  openPackKey(sealed: Buffer, aad: Buffer): Buffer;
  /** 32 bytes, the same at every call: derive per object, never use as a cipher key itself. */
  lineageMetadataKey(lineage: string): Buffer;
  /** 32 hex digits that only the metadata key can connect with the names. No part holds a NUL. */
  lineageId(parts: readonly string[]): string;
  sign(message: Buffer): Signed;
  /** SIGNATURE_INVALID unless a key that the root certified signed exactly these bytes. */
  verify(message: Buffer, signed: Signed): void;
  /** The secrets of one more recipient, to be wrapped at once. KEY_WRITE_ONLY for a writer. */
  issue(role: Role): Secrets;
}
