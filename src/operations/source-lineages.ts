import { chooseSource } from '../config/load-config.ts';
import type { HoldfastError } from '../errors/holdfast-error.ts';
import { type Lineage, listLineages } from '../repository/lineages.ts';
import type { Repository } from '../repository/repository.ts';
import type { ConfiguredContext } from './contract.ts';

/** A catalog entry that cannot be read: which source it is of is in it. */
export interface DamagedLineage {
  readonly key: string;
  readonly error: Error;
}

/**
 * The clusters a source has been, newest first. A damaged entry does not hide the others; it
 * throws only where nothing else is found, because it may have been the one.
 */
export async function sourceLineages(options: {
  readonly repository: Repository;
  /** Undefined: of every source the repository holds. */
  readonly source?: string | undefined;
  readonly onDamaged?: (damaged: DamagedLineage) => void;
}): Promise<Lineage[]> {
  const { repository, source, onDamaged } = options;
  const damaged: DamagedLineage[] = [];
  const all = await listLineages({ repository, onDamaged: (one) => damaged.push(one) });
  const found = all.filter(
    (lineage) => lineage.engine === 'postgres' && (source ?? lineage.source) === lineage.source,
  );
  const [first] = damaged;
  if (first && onDamaged) for (const one of damaged) onDamaged(one);
  else if (first && found.length === 0) throw first.error;
  return found.reverse();
}

/**
 * The name to read by. What lies in the repository may be read whatever holdfast.yaml calls its
 * sources: after a disaster it may have been written anew.
 */
export async function readableSource(options: {
  readonly context: ConfiguredContext;
  readonly repository: Repository;
  readonly name: string | undefined;
  readonly command: string;
}): Promise<string> {
  const { context, repository, name, command } = options;
  const { config } = context;
  const known = name !== undefined && config.sources.some((source) => source.name === name);
  if (name !== undefined && !known) {
    const held = await sourceLineages({ repository, source: name });
    if (held.length > 0) return name;
  }
  return chooseSource({ config, name, command }).name;
}

export const damagedWarning = ({ key, error }: DamagedLineage) => ({
  message: `The catalog entry ${key} cannot be read, so the snapshots of one cluster are not listed: ${error.message}`,
  hint: (error as HoldfastError).hint ?? 'holdfast doctor',
});
