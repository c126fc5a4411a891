import { createHash, hash } from 'node:crypto';
import { HoldfastError } from '../../../errors/holdfast-error.ts';
import { type Lsn, parseLsn } from '../lsn.ts';

/**
 * backup_manifest (PostgreSQL documentation, "Backup Manifest Format"): a JSON object of which the
 * last line is `"Manifest-Checksum": "<SHA-256 of every byte before that line>"}`.
 */
export interface BackupManifest {
  /** Since 17. */
  readonly systemIdentifier: string | undefined;
  readonly files: readonly ManifestFile[];
  readonly walRanges: readonly WalRange[];
}

export interface ManifestFile {
  readonly path: string;
  readonly size: number;
  /** Lower-case hex SHA-256. */
  readonly sha256: string;
}

export interface WalRange {
  readonly timeline: number;
  readonly start: Lsn;
  readonly end: Lsn;
}

interface RawFile {
  readonly Path?: string;
  readonly 'Encoded-Path'?: string;
  readonly Size: number;
  readonly 'Checksum-Algorithm'?: string;
  readonly Checksum?: string;
}

interface RawManifest {
  readonly Files: readonly RawFile[];
  readonly 'WAL-Ranges': readonly {
    readonly Timeline: number;
    readonly 'Start-LSN': string;
    readonly 'End-LSN': string;
  }[];
}

export function parseManifest(bytes: Buffer): BackupManifest {
  const raw = checked(bytes);
  return {
    // A 64-bit integer: JSON.parse would round it.
    systemIdentifier: /"System-Identifier"\s*:\s*(\d+)/.exec(
      bytes.toString('latin1', 0, 1024),
    )?.[1],
    files: raw.Files.map((file) => {
      if (file['Checksum-Algorithm'] !== 'SHA256' || !file.Checksum) {
        throw invalid(`no SHA-256 for ${pathOf(file)}`);
      }
      return { path: pathOf(file), size: file.Size, sha256: file.Checksum.toLowerCase() };
    }),
    walRanges: raw['WAL-Ranges'].map((range) => ({
      timeline: range.Timeline,
      start: parseLsn(range['Start-LSN']),
      end: parseLsn(range['End-LSN']),
    })),
  };
}

/**
 * The manifest without its visibility maps, for UPLOAD_MANIFEST. Clearing a visibility-map bit
 * registers no block in WAL, so the server believes the parent's map to be current; a file it does
 * not find in the manifest it sends whole. (Trap 1: queries over a stale map return wrong rows.)
 */
export function withoutVisibilityMaps(bytes: Buffer): Buffer {
  const raw = checked(bytes);
  const files = raw.Files.filter((file) => !/(?:^|\/)[^/]*\d+_vm(?:\.\d+)?$/.test(pathOf(file)));
  const text = bytes.toString('utf8');
  const list = files.map((file) => JSON.stringify(file)).join(',\n');
  const head = text.slice(0, text.indexOf('"Files"'));
  const ranges = JSON.stringify(raw['WAL-Ranges']);
  const body = `${head}"Files": [\n${list}],\n"WAL-Ranges": ${ranges},\n`;
  return Buffer.from(`${body}"Manifest-Checksum": "${hash('sha256', body)}"}\n`);
}

/** Parsed, its checksum verified, its outer shape known. */
function checked(bytes: Buffer): RawManifest {
  const lastLine = bytes.lastIndexOf('\n', bytes.length - 2) + 1;
  const stated = /^"Manifest-Checksum"\s*:\s*"([0-9a-fA-F]{64})"\}\n$/.exec(
    bytes.toString('latin1', lastLine),
  )?.[1];
  if (!stated) throw invalid('its last line is not its checksum');
  const actual = createHash('sha256').update(bytes.subarray(0, lastLine)).digest('hex');
  if (actual !== stated.toLowerCase()) throw invalid('its checksum does not match');
  try {
    const raw = JSON.parse(bytes.toString('utf8')) as Partial<RawManifest>;
    if (Array.isArray(raw.Files) && Array.isArray(raw['WAL-Ranges'])) return raw as RawManifest;
  } catch (error) {
    throw new HoldfastError('POSTGRES_MANIFEST_INVALID', { reason: 'not JSON' }, { cause: error });
  }
  throw invalid('it lists no files or no WAL');
}

function pathOf(file: RawFile): string {
  return file.Path ?? Buffer.from(file['Encoded-Path'] ?? '', 'hex').toString('utf8');
}

const invalid = (reason: string): HoldfastError =>
  new HoldfastError('POSTGRES_MANIFEST_INVALID', { reason });
