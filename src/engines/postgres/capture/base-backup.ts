import type { CaptureSink } from '../../../content/capture-sink.ts';
import type { OnProgress } from '../../../content/progress.ts';
import { HoldfastError, isHoldfastError } from '../../../errors/holdfast-error.ts';
import { type Lsn, parseLsn } from '../lsn.ts';
import type { RawResultSet } from '../protocol/call.ts';
import type { Connection } from '../protocol/connection.ts';
import type { ServerMessage } from '../protocol/server-message.ts';
import { type ArchiveStream, FramedArchives, UnframedArchives } from './archive-stream.ts';
import { readBackupLabel } from './backup-label.ts';
import { FileIntake } from './file-intake.ts';
import { type IncrementalBase, incrementalBase, type Position } from './incremental-base.ts';
import { parseManifest, withoutVisibilityMaps } from './manifest.ts';

export interface CaptureOptions {
  /** A replication session (physical or database) on which nothing else runs. */
  readonly connection: Connection;
  readonly sink: CaptureSink;
  /** Takes a native incremental (17 and later); see `planCapture`. */
  readonly parent?: {
    /** The raw manifest the parent's own backup sent. */
    readonly manifest: Buffer;
    /** Another session on the same server that runs SQL: the WAL summaries are read there. */
    readonly sql: Connection;
  };
  readonly label: string;
  readonly checkpoint: 'fast' | 'spread';
  readonly onProgress?: OnProgress;
  readonly signal?: AbortSignal | undefined;
}

export interface CapturedBackup {
  readonly startLsn: Lsn;
  readonly startTimeline: number;
  /** The first consistent position. */
  readonly stopLsn: Lsn;
  readonly stopTimeline: number;
  /** As restore must write it: of a full backup. */
  readonly backupLabel: Buffer;
  /** Absent when there are no tablespaces. */
  readonly tablespaceMap: Buffer | undefined;
  /** Raw, as sent: the parent manifest of the next incremental. */
  readonly manifest: Buffer;
  readonly tablespaces: readonly { readonly oid: number; readonly location: string }[];
  readonly capturedFrom: 'primary' | 'standby';
  /** Pages the server found damaged while sending; their bytes were captured as they are. */
  readonly checksumFailures: number;
  /** The server's warnings, one line each. */
  readonly warnings: readonly string[];
  readonly bytesReceived: number;
}

const MANIFEST_CHUNK = 64 * 1024;
const PROGRESS_STEP = 4 * 1024 * 1024;

/**
 * Takes a base backup into `sink`, whole or against a parent, and checks every received file
 * against the server's manifest before it resolves. The WAL from start to stop is not included.
 */
export async function captureBaseBackup(options: CaptureOptions): Promise<CapturedBackup> {
  const { connection, signal } = options;
  const version = connection.serverVersionNum;
  if (version < 140_000 || version >= 190_000 || (options.parent && version < 170_000)) {
    throw new HoldfastError('POSTGRES_VERSION_UNSUPPORTED', {
      address: connection.peer.address,
      version: connection.parameters.get('server_version') ?? 'unknown',
    });
  }
  const [blockSize] = await connection.query('SHOW block_size', { signal });
  const intake = new FileIntake({
    sink: options.sink,
    pageSize: Number(blockSize?.rows[0]?.[0]),
  });
  let base: IncrementalBase | undefined;
  if (options.parent) {
    base = await incrementalBase({ ...options.parent, connection, signal });
    const upload = withoutVisibilityMaps(options.parent.manifest);
    await connection.copyIn('UPLOAD_MANIFEST', chunksOf(upload), { signal });
  }
  const exchange = new BaseBackupExchange(options, intake, base);
  await exchange.run();
  return exchange.conclude();
}

class BaseBackupExchange {
  readonly #options: CaptureOptions;
  readonly #intake: FileIntake;
  readonly #base: IncrementalBase | undefined;
  readonly #warnings: string[] = [];
  #archives: ArchiveStream | undefined;
  #start: Position | undefined;
  #stop: Position | undefined;
  #tablespaces: { readonly oid: number; readonly location: string }[] = [];
  #total = 0;
  #bytes = 0;
  #reported = 0;
  #checksumFailures = 0;

  constructor(options: CaptureOptions, intake: FileIntake, base: IncrementalBase | undefined) {
    this.#options = options;
    this.#intake = intake;
    this.#base = base;
  }

  async run(): Promise<void> {
    const { connection, signal } = this.#options;
    try {
      await connection.exchange(
        command(this.#options),
        {
          result: (set) => this.#result(set),
          copyOut: () => this.#stream().copyOut(),
          data: (payload) => this.#data(payload),
          copyDone: () => this.#stream().copyDone(),
        },
        { signal, notice: (notice) => this.#notice(notice) },
      );
    } catch (error) {
      // The server sends everything, the manifest too, before it says that pages were damaged:
      // damaged data is still the best there may be.
      const complete = this.#stop && this.#archives?.manifest();
      if (!complete || !isHoldfastError(error, 'POSTGRES_DATA_CORRUPTED')) throw error;
      this.#checksumFailures ||= 1;
    }
  }

  conclude(): CapturedBackup {
    const manifest = this.#archives?.manifest();
    const label = this.#intake.documents.get('backup_label');
    const map = this.#intake.documents.get('tablespace_map');
    if (!this.#start || !this.#stop || !manifest || !label) {
      throw new HoldfastError('POSTGRES_ARCHIVE_INVALID', {
        reason: 'positions, backup_label or manifest did not come',
      });
    }
    this.#intake.verify(parseManifest(manifest).files);
    this.#intake.verifyControlFile();
    const { bytes, from } = readBackupLabel(label);
    return {
      startLsn: this.#start.lsn,
      startTimeline: this.#start.timeline,
      stopLsn: this.#stop.lsn,
      stopTimeline: this.#stop.timeline,
      backupLabel: bytes,
      // The server sends an empty one when there are none.
      tablespaceMap: map?.length ? map : undefined,
      manifest,
      tablespaces: this.#tablespaces,
      capturedFrom: from,
      checksumFailures: this.#checksumFailures,
      warnings: this.#warnings,
      bytesReceived: this.#bytes,
    };
  }

  /** In order: start position; tablespaces; (copies;) stop position. */
  #result(set: RawResultSet): void {
    if (!this.#start) {
      this.#start = position(set);
      if (this.#base) this.#readLimits(this.#base, this.#start);
    } else if (!this.#archives) this.#header(set);
    else if (set.rows.length > 0) this.#stop = position(set);
  }

  /** The server has all summaries up to its start now, and has not sent a file yet. */
  #readLimits(base: IncrementalBase, start: Position): void {
    const { connection } = this.#options;
    connection.pause();
    base.limits(start).then(
      (limits) => {
        this.#intake.expectIncremental(limits);
        connection.resume();
      },
      (error: Error) => connection.destroy(error),
    );
  }

  #header(set: RawResultSet): void {
    const rows = set.rows.map(([oid, location, size]) => ({
      oid: oid ? Number(oid.toString()) : null,
      location: location?.toString('utf8') ?? '',
      size: Number(size?.toString() ?? 0) * 1024,
    }));
    this.#total = rows.reduce((sum, row) => sum + row.size, 0);
    this.#tablespaces = rows.flatMap(({ oid, location }) =>
      oid === null ? [] : [{ oid, location }],
    );
    this.#archives =
      this.#options.connection.serverVersionNum < 150_000
        ? new UnframedArchives(
            this.#intake,
            rows.map(({ oid }) => oid),
          )
        : new FramedArchives(this.#intake);
  }

  #stream(): ArchiveStream {
    if (this.#archives) return this.#archives;
    throw new HoldfastError('POSTGRES_ARCHIVE_INVALID', { reason: 'a copy before its header' });
  }

  #data(payload: Buffer): void {
    const { connection, sink, onProgress, parent } = this.#options;
    this.#stream().data(payload);
    this.#bytes += payload.length;
    if (onProgress && this.#bytes - this.#reported >= PROGRESS_STEP) {
      this.#reported = this.#bytes;
      // Of an incremental the server announces the size of the whole cluster.
      const total = parent ? {} : { total: Math.max(this.#total, this.#bytes) };
      onProgress({ phase: 'capture', done: this.#bytes, unit: 'bytes', ...total });
    }
    const pressure = sink.pressure();
    if (!pressure) return;
    connection.pause();
    pressure.then(
      () => connection.resume(),
      (error: Error) => connection.destroy(error),
    );
  }

  #notice(notice: ServerMessage): void {
    if (notice.severity !== 'WARNING') return;
    this.#warnings.push(notice.message);
    const total = notice.routine === 'perform_base_backup' && /\d+/.exec(notice.message)?.[0];
    if (total) this.#checksumFailures = Number(total);
  }
}

function position(set: RawResultSet): Position {
  const [lsn, timeline] = set.rows[0] ?? [];
  if (!lsn || !timeline) {
    throw new HoldfastError('POSTGRES_ARCHIVE_INVALID', { reason: 'a position did not come' });
  }
  return { lsn: parseLsn(lsn.toString()), timeline: Number(timeline.toString()) };
}

function command({ connection, label, checkpoint, parent }: CaptureOptions): string {
  const quoted = `'${label.replaceAll("'", "''")}'`;
  if (connection.serverVersionNum < 150_000) {
    const fast = checkpoint === 'fast' ? ' FAST' : '';
    return `BASE_BACKUP LABEL ${quoted} PROGRESS${fast} NOWAIT TABLESPACE_MAP MANIFEST 'yes' MANIFEST_CHECKSUMS 'SHA256'`;
  }
  const options = [
    `LABEL ${quoted}`,
    'PROGRESS',
    `CHECKPOINT '${checkpoint}'`,
    'WAIT false',
    'TABLESPACE_MAP',
    "MANIFEST 'yes'",
    "MANIFEST_CHECKSUMS 'SHA256'",
    ...(parent ? ['INCREMENTAL'] : []),
  ];
  return `BASE_BACKUP (${options.join(', ')})`;
}

function* chunksOf(bytes: Buffer): Generator<Buffer> {
  for (let at = 0; at < bytes.length; at += MANIFEST_CHUNK) {
    yield bytes.subarray(at, at + MANIFEST_CHUNK);
  }
}
