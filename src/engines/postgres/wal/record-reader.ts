import { type Lsn, lsn } from '../lsn.ts';
import { CRC32C_INIT, crc32cFinish, crc32cUpdate } from './crc32c.ts';
import { PageHeaders, type PageStart } from './page-headers.ts';
import {
  CHECKED_HEADER,
  isSegmentSwitch,
  RECORD_HEADER,
  recordHeaderProblem,
} from './record-header.ts';
import { decodeTail, encodeTail, type RecordTail } from './record-tail.ts';
import { isSegmentSize } from './segment-name.ts';

/** `body` is valid only during the call. */
export interface WalRecord {
  readonly start: Lsn;
  /** Where the next record may begin: what PostgreSQL calls the record's end position. */
  readonly end: Lsn;
  readonly resourceManager: number;
  readonly info: number;
  readonly xid: number;
  /** The timeline of the page the record ends on. */
  readonly timeline: number;
  /** Everything after the header. */
  readonly body: Buffer;
}

export interface RecordReaderOptions {
  /** The first position pushed: a segment boundary. */
  readonly start: Lsn;
  readonly segmentSize: number;
  /** Decimal; pages of another cluster stop the reader. */
  readonly systemIdentifier?: string | undefined;
  /** From the reader of the segment before; without it a record that began there is skipped. */
  readonly tail?: Buffer | undefined;
  /** Which records `onRecord` gets; the others are checked without being held. */
  readonly keep: (resourceManager: number, info: number) => boolean;
  readonly onRecord: (record: WalRecord) => void;
}

/**
 * Cuts a contiguous stream of WAL bytes into records and checks every one, as xlogreader.c does:
 * page headers, continuation flags and lengths, back links, checksums.
 *
 * It stops for good at the first byte that is not valid: the end of the log, if nothing is torn.
 *
 *   page ──▶ record ──▶ align ──▶ record …      a record may be interrupted by pages
 *     └────▶ skip (the rest of a record not seen from its start) ──▶ record
 *   record (XLOG_SWITCH) ──▶ padding ──▶ page of the next segment
 *
 * Positions are doubles inside (exact to 8 PiB): bigints would cost more than the checksum.
 */
export class RecordReader {
  readonly #options: RecordReaderOptions;
  readonly #segmentSize: number;
  readonly #pages: PageHeaders;
  readonly #header = Buffer.alloc(RECORD_HEADER);
  #state: 'page' | 'record' | 'align' | 'skip' | 'padding' = 'page';
  #at: number;
  #pageEnd = 0;
  /** Of the record being read; 0 between records. */
  #total = 0;
  #got = 0;
  #crc = 0;
  #kept: Buffer[] | undefined;
  #start = 0;
  #previous: number | undefined;
  #skipLeft = 0;
  #headless = false;
  #validEnd: number;
  #stopped: { readonly at: Lsn; readonly reason: string } | undefined;

  constructor(options: RecordReaderOptions) {
    const { segmentSize, systemIdentifier } = options;
    if (!isSegmentSize(segmentSize)) throw new RangeError(`segment size ${segmentSize}`);
    if (options.start % BigInt(segmentSize) !== 0n) throw new RangeError('inside a segment');
    const tail = options.tail && decodeTail(options.tail);
    this.#options = options;
    this.#segmentSize = segmentSize;
    this.#at = Number(options.start);
    this.#validEnd = tail?.record?.start ?? this.#at;
    this.#pages = new PageHeaders({ segmentSize, systemIdentifier, timeline: tail?.timeline ?? 0 });
    if (tail) this.#resume(tail);
    else this.#skipLeft = Number.POSITIVE_INFINITY;
  }

  /** The end of the last valid record, or of the padding after a switch. */
  get validEnd(): Lsn {
    return lsn(BigInt(this.#validEnd));
  }

  get timeline(): number {
    return this.#pages.timeline;
  }

  /** 0 before the first page header. */
  get majorVersion(): number {
    return this.#pages.majorVersion;
  }

  /** Set once something invalid was met: where, and what. */
  get stopped(): { readonly at: Lsn; readonly reason: string } | undefined {
    return this.#stopped;
  }

  /** The stream began inside a record whose beginning is unknown. */
  get headless(): boolean {
    return this.#headless;
  }

  push(bytes: Buffer): void {
    let from = 0;
    while (from < bytes.length && !this.#stopped) from = this.#step(bytes, from);
  }

  /** What a reader of the next segment needs; only at the end of a segment. */
  tail(): Buffer {
    if (this.#at % this.#segmentSize !== 0 || this.#pages.partial || this.#stopped) {
      throw new RangeError('not at the end of a segment');
    }
    return encodeTail({
      previous: this.#previous,
      timeline: this.#pages.timeline,
      skipping: this.#skipLeft > 0,
      record:
        this.#total === 0
          ? undefined
          : {
              start: this.#start,
              total: this.#total,
              got: this.#got,
              crc: this.#crc,
              header: this.#header.subarray(0, Math.min(this.#got, RECORD_HEADER)),
              kept: this.#kept,
            },
    });
  }

  #resume(tail: RecordTail): void {
    this.#previous = tail.previous;
    if (tail.skipping) this.#skipLeft = Number.POSITIVE_INFINITY;
    if (!tail.record) return;
    this.#start = tail.record.start;
    this.#total = tail.record.total;
    this.#got = tail.record.got;
    this.#crc = tail.record.crc;
    tail.record.header.copy(this.#header);
    this.#kept = tail.record.kept;
  }

  #step(bytes: Buffer, from: number): number {
    switch (this.#state) {
      case 'page': {
        const used = this.#pages.take(bytes, from);
        if (this.#pages.complete) this.#beginPage(this.#pages.start(this.#at));
        return used;
      }
      case 'record':
        return this.#recordBytes(bytes, from);
      case 'align':
        return this.#pass(bytes, from, align8(this.#at) - this.#at, 'record');
      case 'skip': {
        const before = this.#at;
        const used = this.#pass(bytes, from, this.#skipLeft, 'record');
        this.#skipLeft -= this.#at - before;
        return used;
      }
      case 'padding':
        return this.#pass(bytes, from, align(this.#at, this.#segmentSize) - this.#at, 'page');
    }
  }

  #stop(at: number, reason: string): void {
    this.#stopped = { at: lsn(BigInt(at)), reason };
  }

  #advance(count: number): void {
    this.#at += count;
    if (this.#at === this.#pageEnd) this.#state = 'page';
  }

  /** Lets bytes pass that carry nothing; after `wanted` of them comes `next`. */
  #pass(bytes: Buffer, from: number, wanted: number, next: 'record' | 'page'): number {
    const onPage = this.#state === 'padding' ? wanted : Math.min(wanted, this.#pageEnd - this.#at);
    const count = Math.min(onPage, bytes.length - from);
    const padding = this.#state === 'padding';
    if (count === wanted) this.#state = next;
    if (padding) this.#at += count;
    else this.#advance(count);
    if (count === wanted || padding) this.#validEnd = this.#at;
    return from + count;
  }

  #beginPage(page: PageStart | string): void {
    const inRecord = this.#total > 0;
    if (typeof page === 'string') {
      this.#stop(inRecord ? this.#start : this.#at, page);
      return;
    }
    const { continues, overwrites, remaining } = page;
    const start = this.#at;
    this.#pageEnd = start + this.#pages.pageSize;
    this.#at += page.headerSize;
    this.#state = 'record';
    if (overwrites) {
      this.#total = 0;
      this.#got = 0;
      this.#skipLeft = 0;
    } else if (inRecord) {
      if (!continues) this.#stop(this.#start, 'a record that is not continued');
      else if (remaining !== this.#total - this.#got) {
        this.#stop(this.#start, 'a continuation of another length');
      }
    } else if (this.#skipLeft > 0) {
      if (continues) {
        this.#headless = true;
        this.#skipLeft = align8(remaining);
        this.#state = 'skip';
      } else if (this.#skipLeft === Number.POSITIVE_INFINITY && !this.#headless) {
        this.#skipLeft = 0;
      } else this.#stop(start, 'a record that is not continued');
    } else if (continues) {
      this.#stop(start, 'a continuation of no record');
    }
  }

  #recordBytes(bytes: Buffer, from: number): number {
    if (this.#got < RECORD_HEADER) return this.#headerBytes(bytes, from);
    const left = this.#total - this.#got;
    const count = Math.min(left, this.#pageEnd - this.#at, bytes.length - from);
    this.#crc = crc32cUpdate(this.#crc, bytes, from, from + count);
    if (this.#kept) {
      const part = bytes.subarray(from, from + count);
      // A body that came whole is lent to the listener; only a split one is copied.
      this.#kept.push(count === this.#total - RECORD_HEADER ? part : Buffer.from(part));
    }
    this.#got += count;
    this.#advance(count);
    if (this.#got === this.#total) this.#completeRecord();
    return from + count;
  }

  #headerBytes(bytes: Buffer, from: number): number {
    if (this.#got === 0) {
      this.#start = this.#at;
      this.#crc = CRC32C_INIT;
      this.#kept = undefined;
    }
    const wanted = RECORD_HEADER - this.#got;
    const count = Math.min(wanted, this.#pageEnd - this.#at, bytes.length - from);
    bytes.copy(this.#header, this.#got, from, from + count);
    this.#got += count;
    this.#advance(count);
    // The length alone shows the end of the log: the four bytes are always on one page.
    if (this.#got >= 4) this.#total = this.#header.readUInt32LE(0);
    const problem = recordHeaderProblem(this.#header, this.#got, {
      start: this.#start,
      previous: this.#previous,
    });
    if (problem) this.#stop(this.#start, problem);
    else if (this.#got === RECORD_HEADER) {
      if (this.#options.keep(this.#header[17]!, this.#header[16]!)) this.#kept = [];
      if (this.#got === this.#total) this.#completeRecord();
    }
    return from + count;
  }

  #completeRecord(): void {
    const header = this.#header;
    const crc = crc32cFinish(crc32cUpdate(this.#crc, header, 0, CHECKED_HEADER));
    if (crc !== header.readUInt32LE(20)) {
      this.#stop(this.#start, 'a record with a wrong checksum');
      return;
    }
    const isSwitch = isSegmentSwitch(header);
    const aligned = align8(this.#at);
    if (this.#kept) {
      const parts = this.#kept;
      this.#options.onRecord({
        start: lsn(BigInt(this.#start)),
        end: lsn(BigInt(isSwitch ? align(aligned, this.#segmentSize) : aligned)),
        resourceManager: header[17]!,
        info: header[16]!,
        xid: header.readUInt32LE(4),
        timeline: this.#pages.timeline,
        body: parts.length === 1 ? parts[0]! : Buffer.concat(parts),
      });
    }
    this.#previous = this.#start;
    this.#kept = undefined;
    this.#total = 0;
    this.#got = 0;
    if (this.#at === aligned) this.#validEnd = aligned;
    else this.#state = 'align';
    if (isSwitch && aligned % this.#segmentSize !== 0) this.#state = 'padding';
  }
}

const align = (value: number, unit: number): number => Math.ceil(value / unit) * unit;
/** PostgreSQL: MAXALIGN. */
const align8 = (value: number): number => align(value, 8);
