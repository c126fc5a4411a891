import {
  LONG_HEADER,
  majorVersionOfMagic,
  SHORT_HEADER,
  XLP_ALL_FLAGS,
  XLP_FIRST_IS_CONTRECORD,
  XLP_FIRST_IS_OVERWRITE_CONTRECORD,
  XLP_LONG_HEADER,
} from './page-header.ts';

/** What continues on a page. */
export interface PageStart {
  readonly continues: boolean;
  readonly overwrites: boolean;
  /** Bytes of the continued record from this page on. */
  readonly remaining: number;
  readonly headerSize: number;
}

/** Collects the page headers of a stream, however it is cut, and checks each against its place. */
export class PageHeaders {
  readonly #segmentSize: number;
  readonly #systemIdentifier: string | undefined;
  readonly #header = Buffer.alloc(LONG_HEADER);
  #length = 0;
  #pageSize = 0;
  #magic = 0;
  #timeline: number;

  constructor(options: {
    readonly segmentSize: number;
    readonly systemIdentifier: string | undefined;
    /** No page may be of an older one. */
    readonly timeline: number;
  }) {
    this.#segmentSize = options.segmentSize;
    this.#systemIdentifier = options.systemIdentifier;
    this.#timeline = options.timeline;
  }

  get pageSize(): number {
    return this.#pageSize;
  }

  get timeline(): number {
    return this.#timeline;
  }

  /** 0 before the first page. */
  get majorVersion(): number {
    return majorVersionOfMagic(this.#magic) ?? 0;
  }

  /** Part of a header was taken. */
  get partial(): boolean {
    return this.#length > 0;
  }

  /** Takes header bytes from `from` on; answers how far it took them. See `complete`. */
  take(bytes: Buffer, from: number): number {
    let used = from;
    for (let wanted = this.#wanted(); this.#length < wanted; wanted = this.#wanted()) {
      if (used === bytes.length) break;
      const count = Math.min(wanted - this.#length, bytes.length - used);
      bytes.copy(this.#header, this.#length, used, used + count);
      this.#length += count;
      used += count;
    }
    return used;
  }

  get complete(): boolean {
    return this.#length === this.#wanted();
  }

  #wanted(): number {
    if (this.#length < SHORT_HEADER) return SHORT_HEADER;
    return this.#header.readUInt16LE(2) & XLP_LONG_HEADER ? LONG_HEADER : SHORT_HEADER;
  }

  /** The complete header as that of the page at `position`; a string says why it is none. */
  start(position: number): PageStart | string {
    const problem = this.#problem(position);
    if (problem) return problem;
    const header = this.#header;
    const headerSize = this.#length;
    this.#length = 0;
    this.#magic = header.readUInt16LE(0);
    this.#timeline = header.readUInt32LE(4);
    if (headerSize === LONG_HEADER) this.#pageSize = header.readUInt32LE(36);
    const info = header.readUInt16LE(2);
    return {
      continues: (info & XLP_FIRST_IS_CONTRECORD) !== 0,
      overwrites: (info & XLP_FIRST_IS_OVERWRITE_CONTRECORD) !== 0,
      remaining: header.readUInt32LE(16),
      headerSize,
    };
  }

  #problem(position: number): string | undefined {
    const header = this.#header;
    const magic = header.readUInt16LE(0);
    if (this.#magic === 0 ? majorVersionOfMagic(magic) === undefined : magic !== this.#magic) {
      return `page magic ${magic.toString(16).toUpperCase()}`;
    }
    if (header.readUInt16LE(2) & ~XLP_ALL_FLAGS) return 'unknown page flags';
    if (header.readBigUInt64LE(8) !== BigInt(position)) return 'a page of another position';
    if (header.readUInt32LE(4) < this.#timeline) return 'a page of an older timeline';
    if (this.#length === SHORT_HEADER) {
      return position % this.#segmentSize === 0 ? 'a segment without its header' : undefined;
    }
    if (header.readUInt32LE(32) !== this.#segmentSize) return 'another segment size';
    const system = this.#systemIdentifier;
    if (system && String(header.readBigUInt64LE(24)) !== system) return 'a page of another cluster';
    const pageSize = header.readUInt32LE(36);
    const possible = this.#pageSize === 0 ? isPageSize(pageSize) : pageSize === this.#pageSize;
    return possible ? undefined : `page size ${pageSize}`;
  }
}

/** PostgreSQL is built with WAL pages of 1 to 64 KiB. */
const isPageSize = (size: number): boolean =>
  size >= 1024 && size <= 65_536 && Number.isInteger(Math.log2(size));
