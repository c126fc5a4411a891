import { HoldfastError } from '../../../errors/holdfast-error.ts';
import type { FileIntake } from './file-intake.ts';
import { TarReader } from './tar-reader.ts';

/**
 * The payload of BASE_BACKUP's COPY streams.
 *
 * 15 and later: one COPY; each CopyData begins with its kind (basebackup_copy.c):
 *   n  new archive: String name ‖ String tablespace path (empty for the base)
 *   m  the manifest begins
 *   d  bytes of the current archive or manifest
 *   p  Int64 bytes done so far
 * 14: one COPY per tablespace in the order of the header, the base last, then one for the
 * manifest; CopyData is nothing but the bytes.
 */
export interface ArchiveStream {
  copyOut(): void;
  data(payload: Buffer): void;
  copyDone(): void;
  /** Whole, once everything came; undefined before. */
  manifest(): Buffer | undefined;
}

const NEW_ARCHIVE = 0x6e;
const MANIFEST = 0x6d;
const DATA = 0x64;
const PROGRESS = 0x70;

export class FramedArchives implements ArchiveStream {
  readonly #archives: Archives;
  #over = false;

  constructor(intake: FileIntake) {
    this.#archives = new Archives(intake);
  }

  copyOut(): void {
    // The first archive announces itself.
  }

  data(payload: Buffer): void {
    switch (payload[0]) {
      case DATA:
        this.#archives.push(payload.subarray(1));
        break;
      case NEW_ARCHIVE:
        this.#archives.begin(payload.toString('utf8', 1, payload.indexOf(0, 1)));
        break;
      case MANIFEST:
        this.#archives.beginManifest();
        break;
      case PROGRESS:
        break;
      default:
        throw invalid(`a message of kind ${payload[0]}`);
    }
  }

  copyDone(): void {
    this.#archives.end();
    this.#over = true;
  }

  manifest(): Buffer | undefined {
    return this.#over ? this.#archives.manifest() : undefined;
  }
}

export class UnframedArchives implements ArchiveStream {
  readonly #archives: Archives;
  readonly #names: string[];
  #over = false;

  /** `oids` as in the header: null is the base. */
  constructor(intake: FileIntake, oids: readonly (number | null)[]) {
    this.#archives = new Archives(intake);
    this.#names = oids.map((oid) => `${oid ?? 'base'}.tar`);
  }

  copyOut(): void {
    const name = this.#names.shift();
    if (name) this.#archives.begin(name);
    else this.#archives.beginManifest();
  }

  data(payload: Buffer): void {
    this.#archives.push(payload);
  }

  copyDone(): void {
    this.#archives.end();
    this.#over = this.#archives.manifest() !== undefined;
  }

  manifest(): Buffer | undefined {
    return this.#over ? this.#archives.manifest() : undefined;
  }
}

class Archives {
  readonly #intake: FileIntake;
  #tar: TarReader | undefined;
  #manifest: Buffer[] | undefined;
  #base = false;

  constructor(intake: FileIntake) {
    this.#intake = intake;
  }

  begin(name: string): void {
    this.end();
    const oid = /^(\d+)\.tar$/.exec(name)?.[1];
    if (!oid && name !== 'base.tar') throw invalid(`an archive named ${name}`);
    if (this.#base) throw invalid(`the archive ${name} after the base`);
    this.#base = !oid;
    this.#tar = new TarReader(this.#intake);
    this.#intake.beginArchive(oid ? `pg_tblspc/${oid}/` : '');
  }

  beginManifest(): void {
    this.end();
    if (!this.#base) throw invalid('the manifest before the base archive');
    this.#manifest = [];
  }

  push(bytes: Buffer): void {
    if (this.#tar) this.#tar.push(bytes);
    else if (this.#manifest) this.#manifest.push(Buffer.from(bytes));
    else throw invalid('bytes outside of an archive');
  }

  end(): void {
    if (!this.#tar) return;
    this.#tar.finish();
    this.#tar = undefined;
    this.#intake.endArchive();
  }

  manifest(): Buffer | undefined {
    return this.#manifest && Buffer.concat(this.#manifest);
  }
}

const invalid = (reason: string): HoldfastError =>
  new HoldfastError('POSTGRES_ARCHIVE_INVALID', { reason });
