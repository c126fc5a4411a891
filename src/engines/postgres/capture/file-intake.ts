import { createHash, type Hash, hash } from 'node:crypto';
import type { CaptureSink } from '../../../content/capture-sink.ts';
import { HoldfastError } from '../../../errors/holdfast-error.ts';
import { parseControlFile } from '../control-file.ts';
import { IncrementalHeaderReader, incrementalTarget } from './incremental-file.ts';
import type { LimitBlocks } from './limit-blocks.ts';
import type { ManifestFile } from './manifest.ts';
import { relationFile } from './relation-path.ts';
import type { TarListener, TarMember } from './tar-reader.ts';

/** Members of base.tar that are kept as documents: restore writes them, not the file tree. */
const DOCUMENTS = new Set(['backup_label', 'tablespace_map']);

const CONTROL_FILE = 'global/pg_control';

/** Carries the members of the archives into the sink, and remembers what came for the manifest. */
export class FileIntake implements TarListener {
  readonly documents = new Map<string, Buffer>();
  readonly #sink: CaptureSink;
  readonly #pageSize: number;
  readonly #received = new Map<string, { readonly size: number; readonly sha256: string }>();
  #limits: LimitBlocks | undefined;
  #control: Buffer[] = [];
  #prefix = '';
  #member: TarMember = { path: '', size: 0, mode: 0 };
  #target: 'sink' | 'document' | 'header' = 'sink';
  #header: IncrementalHeaderReader | undefined;
  #document: Buffer[] = [];
  #hash: Hash | undefined;
  #sha256 = '';
  #last = '';

  constructor(options: { readonly sink: CaptureSink; readonly pageSize: number }) {
    this.#sink = options.sink;
    this.#pageSize = options.pageSize;
  }

  /** From here on `INCREMENTAL.` members are expected. */
  expectIncremental(limits: LimitBlocks): void {
    this.#limits = limits;
  }

  /** `prefix` is where the members of the archive lie: '' or `pg_tblspc/<oid>/`. */
  beginArchive(prefix: string): void {
    this.#prefix = prefix;
    this.#last = '';
    if (prefix) this.#sink.directory({ path: prefix.slice(0, -1), mode: 0o700 });
  }

  /** Recovery must not see a newer pg_control than the files: the server sends it last. */
  endArchive(): void {
    if (this.#prefix === '' && this.#last !== CONTROL_FILE) {
      throw new HoldfastError('POSTGRES_ARCHIVE_INVALID', {
        reason: `the base archive ends with ${this.#last || 'nothing'}, not with pg_control`,
      });
    }
  }

  directory(directory: { readonly path: string; readonly mode: number }): void {
    this.#sink.directory({ ...directory, path: this.#prefix + directory.path });
  }

  begin(member: TarMember): void {
    const path = this.#prefix + member.path;
    if (this.#received.has(path)) {
      throw new HoldfastError('POSTGRES_ARCHIVE_INVALID', { reason: `${path} came twice` });
    }
    this.#member = { ...member, path };
    this.#hash = undefined;
    this.#sha256 = '';
    this.#last = path;
    const incremental = this.#limits && incrementalTarget(path);
    if (DOCUMENTS.has(path)) {
      this.#target = 'document';
      this.#document = [];
    } else if (incremental && relationFile(incremental)) {
      this.#target = 'header';
      this.#header = new IncrementalHeaderReader({
        path,
        size: member.size,
        pageSize: this.#pageSize,
      });
    } else {
      this.#target = 'sink';
      const paged = relationFile(path) && member.size % this.#pageSize === 0;
      this.#sink.begin({
        path,
        size: member.size,
        mode: member.mode,
        shape: paged ? { kind: 'paged', pageSize: this.#pageSize } : { kind: 'stream' },
        basis: { kind: 'whole' },
      });
    }
  }

  content(bytes: Buffer): void {
    if (bytes.length === this.#member.size) this.#sha256 = hash('sha256', bytes);
    else {
      this.#hash ??= createHash('sha256');
      this.#hash.update(bytes);
    }
    if (this.#target === 'document') this.#document.push(Buffer.from(bytes));
    else if (this.#target === 'sink') {
      if (this.#member.path === CONTROL_FILE) this.#control.push(Buffer.from(bytes));
      this.#sink.write(bytes);
    } else this.#incrementalContent(bytes);
  }

  end(): void {
    const { path, size } = this.#member;
    const sha256 = this.#sha256 || (this.#hash?.digest('hex') ?? hash('sha256', ''));
    this.#received.set(path, { size, sha256 });
    if (this.#target === 'document') this.documents.set(path, Buffer.concat(this.#document));
    else if (this.#target === 'sink') this.#sink.end();
    else {
      throw new HoldfastError('POSTGRES_INCREMENTAL_INVALID', { path, reason: 'it is too short' });
    }
  }

  /** Every file the server says it sent came, as it sent it, and nothing else did. */
  verify(files: readonly ManifestFile[]): void {
    for (const file of files) {
      const received = this.#received.get(file.path);
      if (!received) throw mismatch(file.path, 'it is in the manifest but did not come');
      if (received.size !== file.size) {
        throw mismatch(file.path, `${received.size} bytes came where ${file.size} were sent`);
      }
      if (received.sha256 !== file.sha256) throw mismatch(file.path, 'its SHA-256 differs');
      this.#received.delete(file.path);
    }
    const [extra] = this.#received.keys();
    if (extra !== undefined) throw mismatch(extra, 'it came but is not in the manifest');
  }

  /**
   * The server reads pg_control as any other file, and may meet a write of its own half-way. Such
   * a file has the hash of the manifest, and no server starts on it.
   */
  verifyControlFile(): void {
    try {
      parseControlFile(Buffer.concat(this.#control));
    } catch (cause) {
      const { reason } = (cause as HoldfastError).facts;
      throw new HoldfastError('POSTGRES_CONTROL_FILE_TORN', { reason }, { cause });
    }
  }

  #incrementalContent(bytes: Buffer): void {
    const { header, used } = this.#header!.push(bytes);
    if (!header) return;
    const path = incrementalTarget(this.#member.path)!;
    const limit = Math.min(header.truncation, this.#limits!.forSegment(relationFile(path)!));
    this.#target = 'sink';
    this.#sink.begin({
      path,
      size: header.length * this.#pageSize,
      mode: this.#member.mode,
      shape: { kind: 'paged', pageSize: this.#pageSize },
      basis: { kind: 'pages', pages: header.pages, limit },
    });
    if (used < bytes.length) this.#sink.write(bytes.subarray(used));
  }
}

const mismatch = (path: string, reason: string): HoldfastError =>
  new HoldfastError('POSTGRES_MANIFEST_MISMATCH', { path, reason });
