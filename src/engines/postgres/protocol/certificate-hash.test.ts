import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { serverEndPoint } from './certificate-hash.ts';
import { Certificates, derOf, type Signature } from './testing/certificates.ts';

const expected: readonly (readonly [Signature, string | undefined])[] = [
  ['RSA with SHA-256', 'sha256'],
  ['RSA with SHA-512', 'sha512'],
  ['RSA-PSS with SHA-384', 'sha384'],
  ['ECDSA with SHA-384', 'sha384'],
  ['Ed25519', undefined],
];

test('the hash is the one the certificate was signed with', async (context) => {
  using certificates = await Certificates.create(context);
  if (!certificates) return;
  for (const [signature, hash] of expected) {
    const der = derOf(certificates.selfSigned('server', signature).certificate);
    const digest = hash && createHash(hash).update(der).digest();
    assert.deepEqual(serverEndPoint(der), digest, signature);
  }
});

test('bytes that are no certificate bind nothing', () => {
  for (const bytes of ['', '30', '3003020101', '3084ffffffff']) {
    assert.equal(serverEndPoint(Buffer.from(bytes, 'hex')), undefined);
  }
});
