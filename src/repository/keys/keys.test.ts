import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { seededRandom } from '../../../test/doubles/host.ts';
import { isHoldfastError } from '../../errors/holdfast-error.ts';
import { canonicalJson } from './canonical-json.ts';
import { publicOf } from './curve-keys.ts';
import { newKeyFile } from './key-file.ts';
import { openKey, sealKey } from './seal.ts';
import { SecretKeyRing } from './secret-key-ring.ts';
import { decodeSecrets, encodeSecrets, newSecrets } from './secrets.ts';

const REPOSITORY = '00112233445566778899aabbccddeeff';
const sequence = (start: number) => Buffer.from(Array.from({ length: 32 }, (_, i) => start + i));

function keyRing(seed = 'keys') {
  const random = seededRandom(seed);
  const secrets = newSecrets({ repository: REPOSITORY, random });
  return new SecretKeyRing({ secrets, random });
}

function writerOf(full: SecretKeyRing, seed = 'writer') {
  return new SecretKeyRing({ secrets: full.issue('writer'), random: seededRandom(seed) });
}

function throwsCode(act: () => unknown, code: string): void {
  assert.throws(act, (error: unknown) => isHoldfastError(error) && error.code === code);
}

// Vectors: fixed inputs, fixed output, for a second implementation to check itself.
test('vector: raw public keys of RFC 7748 6.1 and RFC 8032 7.1', () => {
  const alice = '77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a';
  const seed = '9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60';
  assert.equal(
    publicOf('x25519', Buffer.from(alice, 'hex')).toString('hex'),
    '8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a',
  );
  assert.equal(
    publicOf('ed25519', Buffer.from(seed, 'hex')).toString('hex'),
    'd75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a',
  );
});

test('vector: a key sealed to a data public key', () => {
  const sealed = sealKey({
    key: sequence(0x40),
    recipientPublic: publicOf('x25519', sequence(0)),
    ephemeralPrivate: sequence(0x20),
    aad: Buffer.from('holdfast vector'),
  });
  assert.equal(sealed.toString('hex'), VECTORS.sealed);
  const opened = openKey({
    sealed: Buffer.from(VECTORS.sealed, 'hex'),
    recipientPrivate: sequence(0),
    aad: Buffer.from('holdfast vector'),
  });
  assert.deepEqual(opened, sequence(0x40));
});

test('vector: lineage key, lineage id, signature', () => {
  const secrets = {
    role: 'writer' as const,
    repository: REPOSITORY,
    metadataKey: sequence(0x60),
    dataPublic: publicOf('x25519', sequence(0)),
    rootPublic: publicOf('ed25519', sequence(0x80)),
    writerSeed: sequence(0xa0),
    certificate: Buffer.alloc(64),
  };
  const keys = new SecretKeyRing({ secrets, random: seededRandom('unused') });
  assert.equal(keys.lineageMetadataKey('0'.repeat(32)).toString('hex'), VECTORS.lineageKey);
  assert.equal(keys.lineageId(['postgres', 'shop', '7301234567890123456']), VECTORS.lineageId);
  const signature = Buffer.from(keys.sign(Buffer.from('message')).signature, 'base64');
  assert.equal(signature.toString('hex'), VECTORS.signature);
});

test('a sealed key opens only whole, for its key, with its additional data', () => {
  const keys = keyRing();
  const key = seededRandom('pack').bytes(32);
  const aad = Buffer.from('repository and pack');
  const sealed = keys.sealPackKey(key, aad);
  assert.equal(sealed.length, 80);
  assert.deepEqual(keys.openPackKey(sealed, aad), key);
  for (let bit = 0; bit < sealed.length * 8; bit += 1) {
    const flipped = Buffer.from(sealed);
    flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    throwsCode(() => keys.openPackKey(flipped, aad), 'KEY_SEAL_CORRUPT');
  }
  throwsCode(() => keys.openPackKey(sealed.subarray(1), aad), 'KEY_SEAL_CORRUPT');
  throwsCode(() => keys.openPackKey(sealed, Buffer.from('other')), 'KEY_SEAL_CORRUPT');
  throwsCode(() => keyRing('other').openPackKey(sealed, aad), 'KEY_SEAL_CORRUPT');
});

test('two seals of one key share nothing', () => {
  const keys = keyRing();
  const seal = () => keys.sealPackKey(Buffer.alloc(32), Buffer.alloc(0)).toString('hex');
  assert.notEqual(seal(), seal());
});

test('a writer seals, signs and reads metadata, and cannot open or admit', () => {
  const full = keyRing();
  const writer = writerOf(full);
  const aad = Buffer.from('pack');
  const sealed = writer.sealPackKey(sequence(1), aad);
  assert.deepEqual(full.openPackKey(sealed, aad), sequence(1));
  throwsCode(() => writer.openPackKey(sealed, aad), 'KEY_WRITE_ONLY');
  throwsCode(() => writer.issue('writer'), 'KEY_WRITE_ONLY');
  throwsCode(() => writer.issue('full'), 'KEY_WRITE_ONLY');
  const lineage = 'ab'.repeat(16);
  assert.deepEqual(writer.lineageMetadataKey(lineage), full.lineageMetadataKey(lineage));
  assert.equal(writer.lineageId(['a', 'b']), full.lineageId(['a', 'b']));
  full.verify(Buffer.from('commit'), writer.sign(Buffer.from('commit')));
  assert.equal('full' in full.issue('writer'), false);
});

test('a signature holds for its bytes, its repository and an admitted writer only', () => {
  const keys = keyRing();
  const message = Buffer.from('commit');
  const signed = keys.sign(message);
  keys.verify(message, signed);
  const invalid = (act: () => unknown) => throwsCode(act, 'SIGNATURE_INVALID');
  invalid(() => keys.verify(Buffer.from('commit2'), signed));
  // The writer of another repository, though both are of the same id.
  invalid(() => keys.verify(message, keyRing('other').sign(message)));
  // An admitted certificate under another key.
  const stranger = keyRing('other').sign(message);
  const borrowed = { publicKey: stranger.signer.publicKey, certificate: signed.signer.certificate };
  invalid(() => keys.verify(message, { ...stranger, signer: borrowed }));
  const broken = ['', 'AAAA', `${'A'.repeat(86)}==`, 'not base64 !'];
  for (const text of broken) {
    invalid(() => keys.verify(message, { ...signed, signature: text }));
    invalid(() =>
      keys.verify(message, { ...signed, signer: { ...signed.signer, publicKey: text } }),
    );
    const signer = { ...signed.signer, certificate: text };
    invalid(() => keys.verify(message, { ...signed, signer }));
  }
});

test('lineage ids differ by every part and by repository key', () => {
  const keys = keyRing();
  const ids = [
    keys.lineageId(['a', 'bc', 'd']),
    keys.lineageId(['ab', 'c', 'd']),
    keys.lineageId(['a', 'bc', 'e']),
    keyRing('other').lineageId(['a', 'bc', 'd']),
  ];
  assert.equal(new Set(ids).size, ids.length);
  for (const id of ids) assert.match(id, /^[0-9a-f]{32}$/);
});

test('secrets survive their encoding', () => {
  const full = newSecrets({ repository: REPOSITORY, random: seededRandom('encoding') });
  assert.deepEqual(decodeSecrets(encodeSecrets(full)), full);
  const { full: _, ...shared } = full;
  const writer = { ...shared, role: 'writer' as const };
  assert.deepEqual(decodeSecrets(encodeSecrets(writer)), writer);
});

test('a key file is one line of 32 random bytes', () => {
  const text = newKeyFile(seededRandom('file'));
  assert.match(text, /^[A-Za-z0-9+/]{43}=\n$/);
  assert.deepEqual(Buffer.from(text, 'base64'), seededRandom('file').bytes(32));
});

test('canonical JSON is one text per value, and the value again', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      const text = canonicalJson(value as Parameters<typeof canonicalJson>[0]);
      const again = JSON.parse(text);
      assert.equal(canonicalJson(again), text);
      assert.equal(JSON.stringify(again), JSON.stringify(JSON.parse(text)));
    }),
  );
  assert.equal(
    canonicalJson({ b: 1, a: [{ d: null, c: 'x' }] }),
    '{"a":[{"c":"x","d":null}],"b":1}',
  );
});

const VECTORS = {
  sealed:
    '358072d6365880d1aeea329adf9121383851ed21a28e3b75e965d0d2cd166254' +
    'adec4e6fc87375a216573c99f7078dd86146ae3592064671fbb91ba1cf262b63' +
    '8ccf81444376f468bd9a1a39116a8312',
  lineageKey: '9dc94f38925077dc1487ac43fa61e7227a27246fc2cf22c7960ad32dcdfd22fc',
  lineageId: 'b09a30db1ce144bec6bee4985f1cf5ef',
  signature:
    'a8ca3dd3033970144ff3e8c699e7c9a4e88bda283176b33719a887a15f8514b4' +
    'f583e173e04d494e47faf00830d56de62a3214248fbb6a271b3411838e621c04',
};
