import { spawnSync } from 'node:child_process';
import { chmodSync, chownSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { removeTemporary, temporaryDirectory } from '../../../../../test/support/temporary.ts';
import { machine } from '../../../../host/host.ts';
import { chooseServerUser } from '../../server/server-user.ts';

/** What `openssl req` is asked for; each names a key and the hash it signs with. */
export const SIGNATURES = {
  'RSA with SHA-256': ['-newkey', 'rsa:2048', '-sha256'],
  'RSA with SHA-512': ['-newkey', 'rsa:2048', '-sha512'],
  'RSA-PSS with SHA-384': [
    ...['-newkey', 'rsa:2048', '-sha384'],
    ...['-sigopt', 'rsa_padding_mode:pss', '-sigopt', 'rsa_pss_saltlen:48'],
  ],
  'ECDSA with SHA-384': ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-sha384'],
  Ed25519: ['-newkey', 'ed25519'],
} as const;

const QUICK = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-sha256'];

export type Signature = keyof typeof SIGNATURES;

export interface Certificate {
  readonly certificate: string;
  readonly key: string;
}

/** An authority in a directory that the server may read. */
export class Certificates {
  readonly directory = temporaryDirectory();
  readonly #owner: { readonly uid: number; readonly gid: number } | undefined;

  private constructor(owner: { readonly uid: number; readonly gid: number } | undefined) {
    this.#owner = owner;
    this.#make('ca', ['-subj', '/CN=test authority', ...QUICK]);
  }

  /** Undefined, loudly, where openssl is missing; a failure where CI is set. */
  static async create(context: TestContext): Promise<Certificates | undefined> {
    if (spawnSync('openssl', ['version']).status === 0) {
      return new Certificates(await chooseServerUser({ host: machine }));
    }
    if (process.env.CI) throw new Error('openssl is not installed');
    context.skip('openssl is not installed: TLS is not tested');
    return undefined;
  }

  get ca(): string {
    return this.#read('ca.crt');
  }

  /** Signed by the authority. */
  issue(name: string, commonName: string, alternative?: string): Certificate {
    const extension = alternative ? ['-addext', `subjectAltName=${alternative}`] : [];
    const issuer = [
      '-CA',
      join(this.directory, 'ca.crt'),
      '-CAkey',
      join(this.directory, 'ca.key'),
    ];
    const request = [...QUICK, '-subj', `/CN=${commonName}`, ...extension];
    return this.#make(name, [...request, ...issuer]);
  }

  selfSigned(name: string, signature: Signature): Certificate {
    return this.#make(name, [...SIGNATURES[signature], '-subj', '/CN=self-signed']);
  }

  /** What a server needs to offer TLS with the certificate `name`. */
  settings(name: string): Record<string, string> {
    return {
      ssl: 'on',
      ssl_cert_file: join(this.directory, `${name}.crt`),
      ssl_key_file: join(this.directory, `${name}.key`),
      ssl_ca_file: join(this.directory, 'ca.crt'),
    };
  }

  [Symbol.dispose](): void {
    removeTemporary(this.directory);
  }

  #make(name: string, args: readonly string[]): Certificate {
    const [crt, key] = [`${name}.crt`, `${name}.key`].map((file) => join(this.directory, file));
    const made = spawnSync(
      'openssl',
      ['req', '-x509', '-nodes', '-days', '2', ...args, '-keyout', key!, '-out', crt!],
      { encoding: 'utf8' },
    );
    if (made.status !== 0) throw new Error(made.stderr);
    for (const file of [crt!, key!]) {
      chmodSync(file, 0o600);
      if (this.#owner) chownSync(file, this.#owner.uid, this.#owner.gid);
    }
    return { certificate: this.#read(`${name}.crt`), key: this.#read(`${name}.key`) };
  }

  #read(file: string): string {
    return readFileSync(join(this.directory, file), 'utf8');
  }
}

/** DER of a PEM certificate. */
export function derOf(pem: string): Buffer {
  return Buffer.from(pem.replace(/-----[^-]+-----|\s/g, ''), 'base64');
}
