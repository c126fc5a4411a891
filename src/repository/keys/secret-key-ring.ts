import { createHmac, hkdfSync, type KeyObject, sign, verify } from 'node:crypto';
import { HoldfastError } from '../../errors/holdfast-error.ts';
import type { Random } from '../../host/random.ts';
import { privateKey, publicKey, publicOf } from './curve-keys.ts';
import type { KeyRing, Signed, Signer } from './key-ring.ts';
import type { Role } from './role.ts';
import { openKey, sealKey } from './seal.ts';
import { certificateMessage, newWriter, type Secrets } from './secrets.ts';

/** The keys of one unlocked recipient. */
export class SecretKeyRing implements KeyRing {
  readonly role: Role;
  readonly #secrets: Secrets;
  readonly #random: Random;
  readonly #writer: KeyObject;
  readonly #root: KeyObject;
  readonly #signer: Signer;
  /** Certificates already checked, by key and certificate. */
  readonly #admitted = new Set<string>();

  constructor(options: { secrets: Secrets; random: Random }) {
    const { secrets } = options;
    this.#secrets = secrets;
    this.#random = options.random;
    this.role = secrets.role;
    this.#writer = privateKey('ed25519', secrets.writerSeed);
    this.#root = publicKey('ed25519', secrets.rootPublic);
    this.#signer = {
      publicKey: publicOf('ed25519', secrets.writerSeed).toString('base64'),
      certificate: secrets.certificate.toString('base64'),
    };
  }

  sealPackKey(packKey: Buffer, aad: Buffer): Buffer {
    return sealKey({
      key: packKey,
      recipientPublic: this.#secrets.dataPublic,
      ephemeralPrivate: this.#random.bytes(32),
      aad,
    });
  }

  openPackKey(sealed: Buffer, aad: Buffer): Buffer {
    const { dataPrivate } = this.#full('decrypt page data or logs');
    return openKey({ sealed, recipientPrivate: dataPrivate, aad });
  }

  lineageMetadataKey(lineage: string): Buffer {
    return this.#derive(`holdfast metadata ${lineage}`);
  }

  lineageId(parts: readonly string[]): string {
    const names = this.#derive('holdfast lineage names');
    return createHmac('sha256', names).update(parts.join('\0')).digest('hex').slice(0, 32);
  }

  sign(message: Buffer): Signed {
    const signature = sign(null, this.#bound(message), this.#writer).toString('base64');
    return { signature, signer: this.#signer };
  }

  verify(message: Buffer, signed: Signed): void {
    const key = this.#admit(signed.signer);
    const signature = Buffer.from(signed.signature, 'base64');
    if (signature.length !== 64 || !verify(null, this.#bound(message), key, signature)) {
      throw invalid('these are not the bytes that were signed.');
    }
  }

  issue(role: Role): Secrets {
    const { rootSeed, dataPrivate } = this.#full('admit another recipient');
    const { full: _, ...shared } = this.#secrets;
    const writer = newWriter({
      repository: shared.repository,
      rootSeed,
      random: this.#random,
    });
    return role === 'full'
      ? { ...shared, ...writer, role, full: { dataPrivate, rootSeed } }
      : { ...shared, ...writer, role };
  }

  #admit(signer: Signer): KeyObject {
    const raw = Buffer.from(signer.publicKey, 'base64');
    if (raw.length !== 32) throw invalid('its key is not an Ed25519 key.');
    const name = `${raw.toString('base64')} ${signer.certificate}`;
    if (!this.#admitted.has(name)) {
      const message = certificateMessage(this.#secrets.repository, raw);
      const certificate = Buffer.from(signer.certificate, 'base64');
      if (certificate.length !== 64 || !verify(null, message, this.#root, certificate)) {
        throw invalid('the root key never admitted its writer.');
      }
      this.#admitted.add(name);
    }
    return publicKey('ed25519', raw);
  }

  #full(operation: string): NonNullable<Secrets['full']> {
    if (this.#secrets.full === undefined) throw new HoldfastError('KEY_WRITE_ONLY', { operation });
    return this.#secrets.full;
  }

  #derive(info: string): Buffer {
    return Buffer.from(hkdfSync('sha256', this.#secrets.metadataKey, Buffer.alloc(0), info, 32));
  }

  /** What is signed: "holdfast signed object", 0, repository id, message. */
  #bound(message: Buffer): Buffer {
    const repository = Buffer.from(this.#secrets.repository, 'hex');
    return Buffer.concat([Buffer.from('holdfast signed object\0'), repository, message]);
  }
}

function invalid(reason: string): HoldfastError {
  return new HoldfastError('SIGNATURE_INVALID', { reason });
}
