import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto';

/**
 * Raw 32-byte keys of RFC 7748 and RFC 8032 as KeyObjects: the DER of RFC 8410 is a fixed prefix
 * and the key.
 */
const PRIVATE_PREFIX = {
  x25519: Buffer.from('302e020100300506032b656e04220420', 'hex'),
  ed25519: Buffer.from('302e020100300506032b657004220420', 'hex'),
} as const;
const PUBLIC_PREFIX = {
  x25519: Buffer.from('302a300506032b656e032100', 'hex'),
  ed25519: Buffer.from('302a300506032b6570032100', 'hex'),
} as const;

export type Curve = keyof typeof PUBLIC_PREFIX;

/** `raw` is the 32-byte X25519 scalar or Ed25519 seed. */
export function privateKey(curve: Curve, raw: Buffer): KeyObject {
  const key = Buffer.concat([PRIVATE_PREFIX[curve], raw]);
  return createPrivateKey({ key, format: 'der', type: 'pkcs8' });
}

export function publicKey(curve: Curve, raw: Buffer): KeyObject {
  const key = Buffer.concat([PUBLIC_PREFIX[curve], raw]);
  return createPublicKey({ key, format: 'der', type: 'spki' });
}

/** The raw 32-byte public key of a raw private one. */
export function publicOf(curve: Curve, rawPrivate: Buffer): Buffer {
  const spki = createPublicKey(privateKey(curve, rawPrivate)).export({
    format: 'der',
    type: 'spki',
  });
  return spki.subarray(spki.length - 32);
}
