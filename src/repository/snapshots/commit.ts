import { hash, hkdfSync } from 'node:crypto';
import { z } from 'zod';
import { HoldfastError } from '../../errors/holdfast-error.ts';
import { openFrame, sealFrame } from '../frames/frame-cipher.ts';
import { FRAME_KIND } from '../frames/frame-header.ts';
import type { Json } from '../keys/canonical-json.ts';
import type { Repository } from '../repository.ts';
import { openSignedJson, signJson } from './signed-json.ts';
import { commitKey, type Snapshot } from './snapshot.ts';

/**
 * lineages/<lineage>/snapshots/<generation, 8 digits>-<sequence, 8 digits>.json, create-only: its
 * PUT is the commit. A signed object (signed-json.ts) of
 *
 *   lineage, id, generation, sequence, created (ISO 8601)
 *   predecessor  { key, sha256 } of the commit before it, or null
 *   parent       id of the snapshot it was taken against, or null
 *   packs        [{ id, size, sha256, tail }]  every pack it reads from (pack-trailer.ts)
 *   indexes      [{ id, size, sha256 }]        every index object it reads from (blob.ts)
 *   body         base64 of one frame: object id = snapshot id, number 0, kind commit;
 *                key = HKDF-SHA256(metadata key of the lineage, info = "holdfast commit " ‖ id)
 *
 * The body is JSON: engine, leaves, documents, stats. So a check of what exists and what is
 * referenced needs no key; what is inside needs the metadata key.
 */
const id = z.string().regex(/^[0-9a-f]{32}$/);
const sha256 = z.string().regex(/^[0-9a-f]{64}$/);
const count = z.number().int().min(0);

const clearSchema = z.object({
  lineage: id,
  id,
  generation: count,
  sequence: count,
  created: z.iso.datetime(),
  predecessor: z.object({ key: z.string(), sha256 }).nullable(),
  parent: id.nullable(),
  packs: z.array(z.object({ id, size: count, sha256, tail: sha256 })),
  indexes: z.array(z.object({ id, size: count, sha256 })),
  body: z.base64(),
});

const blob = z.object({ object: id, number: count, offset: count, length: count });

const bodySchema = z.object({
  engine: z.json(),
  leaves: z.array(z.object({ first: z.string(), entries: count, sha256, blob })),
  documents: z.array(z.object({ name: z.string(), blob })),
  stats: z.object({
    filesTotal: count,
    bytesTotal: count,
    bytesStored: count,
    pagesStored: count,
    pagesShared: count,
    packs: count,
  }),
});

const BODY_LIMIT_BYTES = 256 * 1024 * 1024;

/** The bytes of a commit object, and the snapshot they mean. */
export function encodeCommit(options: {
  repository: Repository;
  snapshot: Omit<Snapshot, 'key' | 'sha256'>;
}): { body: Buffer; snapshot: Snapshot } {
  const { repository, snapshot } = options;
  const { engine, leaves, stats } = snapshot;
  const documents = [...snapshot.documents].map(([name, reference]) => ({ name, blob: reference }));
  const sealed = sealFrame({
    key: bodyKey(repository, snapshot),
    address: bodyAddress(repository, snapshot.id),
    plaintext: Buffer.from(JSON.stringify({ engine, leaves, documents, stats })),
  });
  const body = signJson({
    repository,
    purpose: 'commit',
    value: {
      lineage: snapshot.lineage,
      id: snapshot.id,
      generation: snapshot.generation,
      sequence: snapshot.sequence,
      created: new Date(snapshot.created).toISOString(),
      predecessor: snapshot.predecessor && { ...snapshot.predecessor },
      parent: snapshot.parent,
      packs: snapshot.packs.map((pack) => ({ ...pack })),
      indexes: snapshot.indexes.map((index) => ({ ...index })),
      body: sealed.toString('base64'),
    },
  });
  const key = commitKey(snapshot);
  return { body, snapshot: { ...snapshot, key, sha256: hash('sha256', body, 'hex') } };
}

/** OBJECT_CORRUPT unless a writer of this repository committed exactly this under this key. */
export function decodeCommit(options: {
  repository: Repository;
  key: string;
  body: Buffer;
}): Snapshot {
  const { repository, key, body } = options;
  const damaged = (reason: string, cause?: unknown) =>
    new HoldfastError('OBJECT_CORRUPT', { object: key, reason }, { cause });
  const schema = clearSchema;
  const clear = openSignedJson({ repository, purpose: 'commit', key, body, schema });
  if (commitKey(clear) !== key) throw damaged('it belongs under another name');
  const plaintext = openFrame({
    key: bodyKey(repository, clear),
    address: bodyAddress(repository, clear.id),
    sealed: Buffer.from(clear.body, 'base64'),
    maxLength: BODY_LIMIT_BYTES,
    name: key,
  });
  let inner: z.infer<typeof bodySchema>;
  try {
    inner = bodySchema.parse(JSON.parse(plaintext.toString('utf8')));
  } catch (cause) {
    throw damaged('its body is not one', cause);
  }
  const { body: _, created, ...members } = clear;
  return {
    ...members,
    key,
    sha256: hash('sha256', body, 'hex'),
    created: Date.parse(created),
    engine: inner.engine as Json,
    leaves: inner.leaves,
    documents: new Map(inner.documents.map((document) => [document.name, document.blob])),
    stats: inner.stats,
  };
}

function bodyKey(repository: Repository, commit: { lineage: string; id: string }): Buffer {
  const metadataKey = repository.keys.lineageMetadataKey(commit.lineage);
  const info = `holdfast commit ${commit.id}`;
  return Buffer.from(hkdfSync('sha256', metadataKey, Buffer.alloc(0), info, 32));
}

function bodyAddress(repository: Repository, snapshot: string) {
  return { repository: repository.id, object: snapshot, number: 0, kind: FRAME_KIND.commit };
}
