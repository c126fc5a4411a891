import { HoldfastError } from '../../../errors/holdfast-error.ts';

/**
 * The ustar dialect BASE_BACKUP sends, as a stream cut anywhere:
 *
 *   header   512 bytes: name[100] mode[8] uid[8] gid[8] size[12] mtime[12] checksum[8] type[1] …
 *   content  size bytes, zero-padded to 512
 *   end      two zero blocks (15 and later; 14 just stops)
 *
 * Numbers are octal text, or base 256 when the first bit is set. Member types other than file and
 * directory are refused: a pax or sparse header read as a file would store a wrong file.
 */
const BLOCK = 512;

export interface TarMember {
  readonly path: string;
  readonly size: number;
  readonly mode: number;
}

export interface TarListener {
  directory(directory: { readonly path: string; readonly mode: number }): void;
  begin(member: TarMember): void;
  /** Borrowed. */
  content(bytes: Buffer): void;
  end(): void;
}

export class TarReader {
  readonly #listener: TarListener;
  readonly #header = Buffer.alloc(BLOCK);
  #headerLength = 0;
  #content = 0;
  #padding = 0;
  #ended = false;

  constructor(listener: TarListener) {
    this.#listener = listener;
  }

  push(bytes: Buffer): void {
    let at = 0;
    while (at < bytes.length) {
      if (this.#content > 0) {
        const take = Math.min(this.#content, bytes.length - at);
        this.#listener.content(bytes.subarray(at, at + take));
        this.#content -= take;
        at += take;
        if (this.#content === 0) this.#listener.end();
      } else if (this.#padding > 0) {
        const take = Math.min(this.#padding, bytes.length - at);
        this.#padding -= take;
        at += take;
      } else {
        const take = Math.min(BLOCK - this.#headerLength, bytes.length - at);
        bytes.copy(this.#header, this.#headerLength, at, at + take);
        this.#headerLength += take;
        at += take;
        if (this.#headerLength === BLOCK) this.#member();
      }
    }
  }

  /** The archive is over: it must not stop inside a member. */
  finish(): void {
    if (this.#content + this.#padding + this.#headerLength > 0) {
      throw invalid('an archive stops in the middle of a member');
    }
  }

  #member(): void {
    this.#headerLength = 0;
    const header = this.#header;
    if (header.every((byte) => byte === 0)) {
      this.#ended = true;
      return;
    }
    if (this.#ended) throw invalid('a member follows the end of its archive');
    const name = text(header, 0, 100);
    if (header.toString('latin1', 257, 262) !== 'ustar') throw invalid('a header is not ustar');
    if (checksum(header) !== octal(header, 148, 8)) throw invalid(`bad header checksum at ${name}`);
    const type = String.fromCharCode(header[156]!);
    const mode = octal(header, 100, 8) & 0o7777;
    const path = safePath(name);
    if (type === '5') {
      this.#listener.directory({ path, mode });
      return;
    }
    if (type !== '0') throw invalid(`${path} is a member of unknown type ${type}`);
    const size = octal(header, 124, 12);
    this.#content = size;
    this.#padding = (BLOCK - (size % BLOCK)) % BLOCK;
    this.#listener.begin({ path, size, mode });
    if (size === 0) this.#listener.end();
  }
}

const invalid = (reason: string): HoldfastError =>
  new HoldfastError('POSTGRES_ARCHIVE_INVALID', { reason });

function text(header: Buffer, start: number, length: number): string {
  const field = header.subarray(start, start + length);
  const end = field.indexOf(0);
  const bytes = end < 0 ? field : field.subarray(0, end);
  const decoded = bytes.toString('utf8');
  if (!Buffer.from(decoded).equals(bytes)) {
    throw invalid(`a file name is not UTF-8: ${bytes.toString('hex')}`);
  }
  return decoded;
}

function octal(header: Buffer, start: number, length: number): number {
  if (header[start]! & 0x80) {
    const value = header.readBigUInt64BE(start + length - 8);
    if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw invalid('a size is out of range');
    return Number(value);
  }
  const digits = header
    .toString('latin1', start, start + length)
    .replace(/[\0 ]+$/, '')
    .trim();
  if (!/^[0-7]*$/.test(digits)) throw invalid('a number in a header is not octal');
  return digits === '' ? 0 : Number.parseInt(digits, 8);
}

/** Sum of all bytes, the checksum field itself counted as spaces. */
function checksum(header: Buffer): number {
  let sum = 8 * 0x20;
  for (let index = 0; index < BLOCK; index++) {
    if (index < 148 || index >= 156) sum += header[index]!;
  }
  return sum;
}

/** What a server may make us write stays below the captured root. (It sends ./pg_wal/summaries/.) */
function safePath(name: string): string {
  const path = name.replace(/^\.\//, '').replace(/\/$/, '');
  const segments = path.split('/');
  if (segments.some((segment) => segment === '' || segment === '.' || segment === '..')) {
    throw invalid(`the path ${JSON.stringify(name)} leaves the data directory`);
  }
  return path;
}
