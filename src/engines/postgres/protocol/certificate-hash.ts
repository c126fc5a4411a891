import { createHash } from 'node:crypto';

/**
 * The `tls-server-end-point` channel binding of a certificate (RFC 5929 §4.1): its hash, by the
 * hash function of its own signature algorithm, MD5 and SHA-1 raised to SHA-256. Undefined when
 * the algorithm names no hash (Ed25519): binding is then impossible.
 */
export function serverEndPoint(der: Buffer): Buffer | undefined {
  const hash = signatureHash(der);
  return hash === undefined ? undefined : createHash(hash).update(der).digest();
}

/** Object identifiers in hex, without tag and length. */
const HASH_BY_SIGNATURE: Readonly<Record<string, string>> = {
  '2a864886f70d010104': 'sha256', // md5WithRSAEncryption
  '2a864886f70d010105': 'sha256', // sha1WithRSAEncryption
  '2a864886f70d01010b': 'sha256',
  '2a864886f70d01010c': 'sha384',
  '2a864886f70d01010d': 'sha512',
  '2a864886f70d01010e': 'sha224',
  '2a8648ce3d0401': 'sha256', // ecdsa-with-SHA1
  '2a8648ce3d040301': 'sha224',
  '2a8648ce3d040302': 'sha256',
  '2a8648ce3d040303': 'sha384',
  '2a8648ce3d040304': 'sha512',
};
const RSASSA_PSS = '2a864886f70d01010a';
const HASH_BY_DIGEST: Readonly<Record<string, string>> = {
  '608648016503040201': 'sha256',
  '608648016503040202': 'sha384',
  '608648016503040203': 'sha512',
  '608648016503040204': 'sha224',
};

/** Certificate ::= SEQUENCE { tbsCertificate, signatureAlgorithm SEQUENCE { OID, parameters }, … } */
function signatureHash(der: Buffer): string | undefined {
  const [certificate] = children(der);
  const algorithm = certificate && children(certificate)[1];
  if (!algorithm) return undefined;
  const [oid, parameters] = children(algorithm);
  const name = oid?.toString('hex') ?? '';
  if (name !== RSASSA_PSS) return HASH_BY_SIGNATURE[name];
  // RSASSA-PSS-params: [0] { AlgorithmIdentifier { OID } }, SHA-1 by default.
  const identifier = parameters && children(parameters)[0];
  const digest = identifier && children(children(identifier)[0] ?? Buffer.alloc(0))[0];
  return digest ? HASH_BY_DIGEST[digest.toString('hex')] : 'sha256';
}

/** The contents of the DER values that follow one another in `bytes`. */
function children(bytes: Buffer): Buffer[] {
  const values: Buffer[] = [];
  let at = 0;
  while (at + 2 <= bytes.length) {
    let length = bytes[at + 1]!;
    at += 2;
    if (length & 0x80) {
      const octets = length & 0x7f;
      if (octets === 0 || octets > 4 || at + octets > bytes.length) break;
      length = bytes.readUIntBE(at, octets);
      at += octets;
    }
    values.push(bytes.subarray(at, at + length));
    at += length;
  }
  return values;
}
