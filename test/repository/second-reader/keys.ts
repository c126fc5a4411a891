import {
  createPrivateKey,
  createPublicKey,
  diffieHellman,
  hash,
  type KeyObject,
  verify,
} from 'node:crypto';
import { b64, canonical, check, gcm, hex, hkdf, type Objects, type Parsed } from './notation.ts';

export interface Secrets {
  repository: string;
  metadataKey: Buffer;
  dataPrivate: Buffer;
  dataPublic: Buffer;
  rootPublic: Buffer;
}

const ed25519 = (raw: Buffer): KeyObject => {
  const x = raw.toString('base64url');
  return createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' });
};
const x25519 = (raw: Buffer): KeyObject => {
  const x = raw.toString('base64url');
  return createPublicKey({ key: { kty: 'OKP', crv: 'X25519', x }, format: 'jwk' });
};

/** "Keys". */
export function unlock(objects: Objects, keyFile: Buffer): Secrets {
  const name = Object.keys(objects).find((key) => key.startsWith('keys/')) as string;
  const { digest, ...file }: Parsed = JSON.parse(String(objects[name]));
  check(hash('sha256', canonical(file)) === digest, 'recipient digest');
  check(file.derivation.name === 'hkdf-sha256', 'a key file');
  const { sealed, ...header } = file;
  const secrets: Parsed = JSON.parse(
    gcm({
      key: hkdf(keyFile, b64(file.derivation.salt), 'holdfast key file v1'),
      nonce: b64(sealed).subarray(0, 12),
      aad: Buffer.from(canonical(header)),
      sealed: b64(sealed).subarray(12),
    }).toString(),
  );
  const rootPublic = b64(secrets.rootPublic);
  const { signature, ...repo }: Parsed = JSON.parse(String(objects['repo.json']));
  const signed = Buffer.from(`holdfast repository\0${canonical(repo)}`);
  check(verify(null, signed, ed25519(rootPublic), b64(signature)), 'signature of repo.json');
  check(repo.id === secrets.repository && repo.rootPublicKey === secrets.rootPublic, 'repo.json');
  return {
    repository: secrets.repository,
    metadataKey: b64(secrets.metadataKey),
    dataPrivate: b64(secrets.full.dataPrivate),
    dataPublic: b64(secrets.dataPublic),
    rootPublic,
  };
}

export function openSealedKey(secrets: Secrets, sealed: Buffer, aad: Buffer): Buffer {
  const ephemeral = sealed.subarray(0, 32);
  const der = Buffer.concat([hex('302e020100300506032b656e04220420'), secrets.dataPrivate]);
  const privateKey = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
  const shared = diffieHellman({ privateKey, publicKey: x25519(ephemeral) });
  const salt = Buffer.concat([ephemeral, secrets.dataPublic]);
  const key = hkdf(shared, salt, 'holdfast sealed key v1');
  return gcm({ key, nonce: Buffer.alloc(12), aad, sealed: sealed.subarray(32) });
}

export function signedJson(secrets: Secrets, purpose: string, body: Buffer): Parsed {
  const { signature, signer, ...members }: Parsed = JSON.parse(body.toString());
  const key = b64(signer.publicKey);
  const id = hex(secrets.repository);
  const admitted = Buffer.concat([Buffer.from('holdfast writer certificate\0'), id, key]);
  const certificate = b64(signer.certificate);
  check(verify(null, admitted, ed25519(secrets.rootPublic), certificate), 'certificate');
  const message = Buffer.from(`holdfast ${purpose}\0${canonical(members)}`);
  const bound = Buffer.concat([Buffer.from('holdfast signed object\0'), id, message]);
  check(verify(null, bound, ed25519(key), b64(signature)), `signature of a ${purpose}`);
  check(members.repository === secrets.repository && members.formatVersion === 1, purpose);
  return members;
}
