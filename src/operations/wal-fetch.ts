import { chooseSource } from '../config/load-config.ts';
import { coveredPrefix } from '../content/covered-prefix.ts';
import { type ArchiveSource, fetchFromArchive } from '../engines/postgres/wal/archive-fetch.ts';
import { parseWalFileName } from '../engines/postgres/wal/segment-name.ts';
import { HoldfastError, isHoldfastError } from '../errors/holdfast-error.ts';
import { readCoveredSegment } from '../recovery/log/read-segment.ts';
import type { Lineage } from '../repository/lineages.ts';
import { listLog } from '../repository/log/list-log.ts';
import { readLogDocument } from '../repository/log/log-document.ts';
import type { LogPiece } from '../repository/log/log-piece.ts';
import type { Repository } from '../repository/repository.ts';
import { type ArchiveCluster, archiveCluster } from './archive-cluster.ts';
import type { ConfiguredContext, WalFetchRequest, WalFetchResult } from './contract.ts';
import { openConfigured } from './open-configured.ts';
import { sourceLineages } from './source-lineages.ts';

export async function walFetch(
  context: ConfiguredContext,
  request: WalFetchRequest,
): Promise<WalFetchResult> {
  const { host, config } = context;
  const { name, file: path } = request;
  const { name: source } = chooseSource({
    config,
    name: request.source,
    command: `holdfast wal-fetch ${name} ${path} --source`,
  });
  const cluster = await archiveCluster({ host, path });
  const { repository } = await openConfigured(context);
  const lineage = await lineageOf({ repository, source, cluster, name });
  const segmentSize =
    cluster?.segmentSize ?? (await storedSegmentSize({ repository, lineage })) ?? SEGMENT_SIZE;
  const status = await fetchFromArchive({
    host,
    name,
    path,
    systemIdentifier: lineage.identity,
    segmentSize,
    source: archiveOf({ repository, lineage, segmentSize }),
  });
  return { name, status };
}

/** PostgreSQL's default; only where nothing is stored that could say. */
const SEGMENT_SIZE = 16 << 20;

/** Never "absent": a server that asks in the wrong place must not go live without its log. */
async function lineageOf(options: {
  readonly repository: Repository;
  readonly source: string;
  readonly cluster: ArchiveCluster | undefined;
  readonly name: string;
}): Promise<Lineage> {
  const { repository, source, cluster, name } = options;
  const lineages = await sourceLineages({ repository, source });
  const [newest] = lineages;
  if (!newest) throw new HoldfastError('NO_SNAPSHOT', { source });
  if (!cluster) return newest;
  const own = lineages.find(({ identity }) => identity === cluster.systemIdentifier);
  if (own) return own;
  throw new HoldfastError('WAL_ARCHIVE_FOREIGN', {
    file: name,
    source,
    found: cluster.systemIdentifier,
    expected: newest.identity,
  });
}

interface Place {
  readonly repository: Repository;
  readonly lineage: Lineage;
}

async function storedSegmentSize({ repository, lineage }: Place): Promise<number | undefined> {
  for await (const piece of listLog({ repository, lineage: lineage.id })) return piece.segmentSize;
  return undefined;
}

function archiveOf(place: Place & { readonly segmentSize: number }): ArchiveSource {
  const { repository, lineage, segmentSize } = place;
  const branchOf = (timeline: number) =>
    listLog({ repository, lineage: lineage.id, branch: String(timeline) });
  return {
    segment: async ({ timeline, number, name }) => {
      const pieces: LogPiece[] = [];
      for await (const piece of branchOf(timeline)) {
        if (piece.segment === name) pieces.push(piece);
        else if (piece.segment > name) break;
      }
      if (pieces.length === 0) return undefined;
      const covered = coveredPrefix(pieces);
      return await readCoveredSegment({
        repository,
        segment: { timeline, number, name, covered, pieces },
      });
    },
    hasLater: async ({ timeline, number }) => {
      for await (const { segment } of branchOf(timeline)) {
        const file = parseWalFileName(segment, segmentSize);
        if (file?.kind === 'segment' && file.number > number) return true;
      }
      return false;
    },
    document: async (name) => {
      try {
        return await readLogDocument({ repository, lineage: lineage.id, name });
      } catch (error) {
        if (isHoldfastError(error, 'STORE_ABSENT')) return undefined;
        throw error;
      }
    },
  };
}
