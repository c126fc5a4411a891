import { dirname } from 'node:path';
import { readControlFile } from '../engines/postgres/control-file.ts';
import { readSegmentHeader } from '../engines/postgres/wal/page-header.ts';
import type { Host } from '../host/host.ts';

/** Whose log it is. */
export interface ArchiveCluster {
  /** Decimal. */
  readonly systemIdentifier: string;
  readonly segmentSize: number;
}

const HEADER_BYTES = 8192;

/**
 * The cluster whose archive_command or restore_command names `path`: that of the data directory
 * around it, else that of the segment itself. Undefined when neither tells.
 */
export async function archiveCluster(options: {
  readonly host: Host;
  /** Absolute: `<data directory>/pg_wal/<name>`. */
  readonly path: string;
}): Promise<ArchiveCluster | undefined> {
  const { host, path } = options;
  try {
    const control = await readControlFile({ host, dataDir: dirname(dirname(path)) });
    return {
      systemIdentifier: String(control.systemIdentifier),
      segmentSize: control.walSegmentSize,
    };
  } catch {
    return await clusterOfSegment(options);
  }
}

async function clusterOfSegment(options: {
  readonly host: Host;
  readonly path: string;
}): Promise<ArchiveCluster | undefined> {
  const { host, path } = options;
  let handle: Awaited<ReturnType<typeof host.fs.promises.open>>;
  try {
    handle = await host.fs.promises.open(path, 'r');
  } catch {
    return undefined;
  }
  try {
    const bytes = Buffer.alloc(HEADER_BYTES);
    const { bytesRead } = await handle.read(bytes, 0, HEADER_BYTES, 0);
    return readSegmentHeader(bytes.subarray(0, bytesRead));
  } finally {
    await handle.close();
  }
}
