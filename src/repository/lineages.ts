import { z } from 'zod';
import { isHoldfastError } from '../errors/holdfast-error.ts';
import type { Repository } from './repository.ts';
import { openJson, sealJson } from './sealed-json.ts';

/** One database cluster's history in the repository. */
export interface Lineage {
  /** 32 lower-case hex digits, derived from the identity under the metadata key. */
  readonly id: string;
  /** The name of the source in holdfast.yaml. */
  readonly source: string;
  readonly engine: string;
  /** What makes the cluster itself: PostgreSQL's system identifier. */
  readonly identity: string;
  /** Milliseconds since the epoch. */
  readonly created: number;
}

/**
 * catalog/<lineage>.json, sealed. Not below lineages/<id>/: a list has no delimiter, and finding
 * three lineages must not mean listing every log piece of theirs.
 */
const CATALOG = 'catalog/';

const schema = z.object({
  source: z.string(),
  engine: z.string(),
  identity: z.string(),
  created: z.number(),
});

/** The lineage of this cluster, entered into the catalog when it is new. */
export async function ensureLineage(options: {
  repository: Repository;
  source: string;
  engine: string;
  identity: string;
}): Promise<Lineage> {
  const { repository, source, engine, identity } = options;
  const id = repository.keys.lineageId([engine, source, identity]);
  const known = await readLineage(repository, id);
  if (known) return known;
  const key = catalogKey(id);
  const lineage = { source, engine, identity, created: repository.host.clock.now() };
  try {
    await repository.store.put(key, sealJson({ repository, key, lineage: id, value: lineage }));
    return { id, ...lineage };
  } catch (error) {
    if (!isHoldfastError(error, 'STORE_EXISTS')) throw error;
    const other = await readLineage(repository, id);
    if (other === undefined) throw error;
    return other;
  }
}

/**
 * Every lineage, oldest first. A damaged entry throws, unless `onDamaged` is given: on the day of
 * a recovery one bad object must not hide the others.
 */
export async function listLineages(options: {
  repository: Repository;
  onDamaged?: (damaged: { key: string; error: Error }) => void;
}): Promise<Lineage[]> {
  const { repository, onDamaged } = options;
  const lineages: Lineage[] = [];
  for await (const { key } of repository.store.list(CATALOG)) {
    try {
      lineages.push(openLineage(repository, key, await repository.store.get(key)));
    } catch (error) {
      if (!onDamaged || !isHoldfastError(error) || error.kind !== 'corrupt') throw error;
      onDamaged({ key, error });
    }
  }
  return lineages.sort((a, b) => a.created - b.created || (a.id < b.id ? -1 : 1));
}

async function readLineage(repository: Repository, id: string): Promise<Lineage | undefined> {
  const key = catalogKey(id);
  try {
    return openLineage(repository, key, await repository.store.get(key));
  } catch (error) {
    if (isHoldfastError(error, 'STORE_ABSENT')) return undefined;
    throw error;
  }
}

function openLineage(repository: Repository, key: string, body: Buffer): Lineage {
  const { lineage, value } = openJson({ repository, key, body, schema });
  return { id: lineage, ...value };
}

function catalogKey(id: string): string {
  return `${CATALOG}${id}.json`;
}
