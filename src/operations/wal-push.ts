import { basename } from 'node:path';
import { chooseSource } from '../config/load-config.ts';
import { pushToArchive } from '../engines/postgres/wal/archive-push.ts';
import { HoldfastError } from '../errors/holdfast-error.ts';
import { ensureLineage, type Lineage } from '../repository/lineages.ts';
import { putLogDocument } from '../repository/log/log-document.ts';
import { putLogPiece } from '../repository/log/put-log.ts';
import type { Repository } from '../repository/repository.ts';
import { type ArchiveCluster, archiveCluster } from './archive-cluster.ts';
import type { ConfiguredContext, WalPushRequest, WalPushResult } from './contract.ts';
import { openConfigured } from './open-configured.ts';
import { sourceLineages } from './source-lineages.ts';

export async function walPush(
  context: ConfiguredContext,
  request: WalPushRequest,
): Promise<WalPushResult> {
  const { host, config } = context;
  const { file: path } = request;
  const { name: source } = chooseSource({
    config,
    name: request.source,
    command: `holdfast wal-push ${path} --source`,
  });
  const cluster = await archiveCluster({ host, path });
  if (!cluster) {
    const reason = 'neither it nor the directory around it tells whose log it is';
    throw new HoldfastError('WAL_SEGMENT_INVALID', { file: path, reason });
  }
  const { repository } = await openConfigured(context);
  const { id: lineage } = await lineageOf({ repository, source, cluster, path });
  return await pushToArchive({
    host,
    path,
    ...cluster,
    sink: {
      putPiece: (piece) => putLogPiece({ repository, lineage, ...piece }),
      putDocument: (name, bytes) => putLogDocument({ repository, lineage, name, bytes }),
    },
  });
}

/**
 * A source's first cluster enters by its first log. Another one must first be enrolled by a
 * backup: a server restored elsewhere that still has its archive_command must not become it.
 */
async function lineageOf(options: {
  readonly repository: Repository;
  readonly source: string;
  readonly cluster: ArchiveCluster;
  readonly path: string;
}): Promise<Lineage> {
  const { repository, source, cluster, path } = options;
  const identity = cluster.systemIdentifier;
  const lineages = await sourceLineages({ repository, source });
  const own = lineages.find((lineage) => lineage.identity === identity);
  const [newest] = lineages;
  if (own) return own;
  if (!newest) return await ensureLineage({ repository, engine: 'postgres', source, identity });
  throw new HoldfastError('WAL_ARCHIVE_FOREIGN', {
    file: basename(path),
    source,
    found: identity,
    expected: newest.identity,
  });
}
