import { sign } from 'node:crypto';
import { z } from 'zod';
import type { Random } from '../../host/random.ts';
import { privateKey, publicOf } from './curve-keys.ts';
import type { Role } from './role.ts';

/**
 * What a recipient unlocks, wrapped as JSON with base64 members. A full recipient reads
 * everything and certifies writers; a writer lacks `dataPrivate` and `rootSeed`.
 *
 * Everything that must be trusted is here and not only in repo.json: a store that swaps a public
 * key there is found out.
 */
export interface Secrets {
  readonly role: Role;
  readonly repository: string;
  readonly metadataKey: Buffer;
  readonly dataPublic: Buffer;
  readonly rootPublic: Buffer;
  readonly writerSeed: Buffer;
  /** The root's signature over this recipient's writer key. */
  readonly certificate: Buffer;
  readonly full?: { readonly dataPrivate: Buffer; readonly rootSeed: Buffer };
}

/** The secrets of a new repository, for its first recipient. */
export function newSecrets(options: { repository: string; random: Random }): Secrets {
  const { repository, random } = options;
  const full = { dataPrivate: random.bytes(32), rootSeed: random.bytes(32) };
  return {
    role: 'full',
    repository,
    metadataKey: random.bytes(32),
    dataPublic: publicOf('x25519', full.dataPrivate),
    rootPublic: publicOf('ed25519', full.rootSeed),
    ...newWriter({ repository, rootSeed: full.rootSeed, random }),
    full,
  };
}

/** A writer key of its own, certified by the root. */
export function newWriter(options: {
  repository: string;
  rootSeed: Buffer;
  random: Random;
}): Pick<Secrets, 'writerSeed' | 'certificate'> {
  const writerSeed = options.random.bytes(32);
  const message = certificateMessage(options.repository, publicOf('ed25519', writerSeed));
  return { writerSeed, certificate: sign(null, message, privateKey('ed25519', options.rootSeed)) };
}

/** What the root signs to admit a writer: "holdfast writer certificate", 0, repository id, key. */
export function certificateMessage(repository: string, writerPublic: Buffer): Buffer {
  return Buffer.concat([
    Buffer.from('holdfast writer certificate\0'),
    Buffer.from(repository, 'hex'),
    writerPublic,
  ]);
}

const bytes = (length: number) =>
  z
    .base64()
    .transform((text) => Buffer.from(text, 'base64'))
    .refine((value) => value.length === length, `${length} bytes expected`);

const schema = z.object({
  role: z.enum(['full', 'writer']),
  repository: z.string().regex(/^[0-9a-f]{32}$/),
  metadataKey: bytes(32),
  dataPublic: bytes(32),
  rootPublic: bytes(32),
  writerSeed: bytes(32),
  certificate: bytes(64),
  full: z.object({ dataPrivate: bytes(32), rootSeed: bytes(32) }).optional(),
});

export function encodeSecrets(secrets: Secrets): Buffer {
  return Buffer.from(
    JSON.stringify(secrets, function (this: Record<string, unknown>, name, value: unknown) {
      // Buffer.toJSON ran before the replacer: take the member itself.
      const member = this[name];
      return Buffer.isBuffer(member) ? member.toString('base64') : value;
    }),
  );
}

/** Throws when the bytes, authentic as they are, are not secrets of this version. */
export function decodeSecrets(payload: Buffer): Secrets {
  const { full, ...secrets } = schema.parse(JSON.parse(payload.toString()));
  return full === undefined ? secrets : { ...secrets, full };
}
