import { join } from 'node:path';
import { HoldfastError } from '../../../errors/holdfast-error.ts';
import type { Host } from '../../../host/host.ts';
import { formatLsn, type Lsn, lsn } from '../lsn.ts';
import { readUpTo, replaceFile, syncDirectory, writeAll } from './durable-file.ts';
import {
  type JournalIdentity,
  readIdentity,
  refuseOtherIdentity,
  writeIdentity,
} from './journal-identity.ts';
import { JournalLock } from './journal-lock.ts';
import {
  type JournalPosition,
  type JournalSegment,
  journalSegment,
  type RecoveredJournal,
  readHistories,
  readSegment,
  recoverJournal,
  type SegmentFile,
  timelineDirectory,
} from './journal-recovery.ts';
import { historyName, segmentOffset } from './segment-name.ts';

type Handle = Awaited<ReturnType<Host['fs']['promises']['open']>>;

export interface JournalOptions extends JournalIdentity {
  readonly host: Pick<Host, 'fs'>;
  readonly directory: string;
}

const INITIAL_GROUP = 1 << 20;

/**
 * The log on this machine, as it came, in one file per segment:
 *
 *     journal.json                   whose log it is
 *     00000001/<segment>             grows to the segment's size
 *     00000002.history
 *     lock, lock.holder              see journal-lock.ts
 *
 * `append` takes bytes, `flush` makes everything appended durable in one group. A position that
 * `flush` answered was synced, and its bytes are the stream's own. After a failed write or sync
 * nothing is accepted any more: the kernel may have dropped what it could not write, so only a
 * newly opened journal, which writes its last segment again, can know what is durable.
 */
export class Journal {
  readonly directory: string;
  readonly segmentSize: number;
  readonly systemIdentifier: string;
  readonly #host: Pick<Host, 'fs'>;
  readonly #lock: JournalLock;
  #segments: JournalSegment[];
  #end: JournalPosition | undefined;
  /** Where the stream goes on; behind the end while it repeats what is already held. */
  #stream: JournalPosition | undefined;
  #group = Buffer.allocUnsafe(INITIAL_GROUP);
  #spare = Buffer.allocUnsafe(INITIAL_GROUP);
  #groupLength = 0;
  #flushing: Promise<Lsn> | undefined;
  #file: { readonly number: bigint; readonly handle: Handle } | undefined;
  #failure: HoldfastError | undefined;

  /** WAL_JOURNAL_IN_USE while it is open elsewhere; WAL_FOREIGN_SYSTEM for another cluster's. */
  static async open(options: JournalOptions): Promise<Journal> {
    const { host, directory } = options;
    await host.fs.promises.mkdir(directory, { recursive: true, mode: 0o700 });
    const lock = await JournalLock.acquire(host, directory);
    try {
      const found = await readIdentity(host, directory);
      if (!found) await writeIdentity(host, directory, options);
      else refuseOtherIdentity(directory, found, options);
      return new Journal({ ...options, ...(await recoverJournal(options)), lock });
    } catch (error) {
      lock.release();
      throw error;
    }
  }

  private constructor(parts: JournalOptions & RecoveredJournal & { readonly lock: JournalLock }) {
    this.directory = parts.directory;
    this.segmentSize = parts.segmentSize;
    this.systemIdentifier = parts.systemIdentifier;
    this.#host = parts.host;
    this.#lock = parts.lock;
    this.#segments = parts.segments;
    this.#end = parts.end;
  }

  /** Everything before it, from the start of its run of segments, is durable. */
  get end(): JournalPosition | undefined {
    return this.#end;
  }

  /** By timeline and position. A hole between two of one timeline is a gap in the log. */
  get segments(): readonly JournalSegment[] {
    return this.#segments;
  }

  /** Appended and not yet durable. */
  get pendingBytes(): number {
    return this.#groupLength;
  }

  get failure(): HoldfastError | undefined {
    return this.#failure;
  }

  /**
   * A stream begins at `position`, a segment boundary: inside what is held (it repeats, and is
   * compared), at the end, beyond it (a gap), or on another timeline.
   */
  async attach(position: JournalPosition): Promise<void> {
    if (this.#flushing) await this.#flushing.catch(() => undefined);
    if (this.#failure) throw this.#failure;
    if (segmentOffset(position.lsn, this.segmentSize) !== 0) {
      throw new RangeError('a stream begins at a segment boundary');
    }
    this.#groupLength = 0;
    await this.#closeFile();
    const end = this.#end;
    if (!end || end.timeline !== position.timeline || position.lsn > end.lsn) this.#end = position;
    this.#stream = position;
  }

  /** Copies `bytes`. Throws WAL_NOT_CONTIGUOUS when they are not the next ones. */
  append(at: Lsn, bytes: Uint8Array): void {
    const next = this.#next();
    if (at !== next) {
      const facts = { position: formatLsn(at), expected: formatLsn(next) };
      throw new HoldfastError('WAL_NOT_CONTIGUOUS', facts);
    }
    const length = this.#groupLength + bytes.length;
    if (length > this.#group.length) {
      const grown = Buffer.allocUnsafe(Math.max(length, this.#group.length * 2));
      this.#group.copy(grown, 0, 0, this.#groupLength);
      this.#group = grown;
    }
    this.#group.set(bytes, this.#groupLength);
    this.#groupLength = length;
  }

  /**
   * Makes what was appended durable with one sync per file. Answers the stream's position up to
   * which everything is durable and compared: that much may be acknowledged, no more.
   */
  flush(): Promise<Lsn> {
    this.#flushing ??= this.#flushGroup().finally(() => {
      this.#flushing = undefined;
    });
    return this.#flushing;
  }

  async #flushGroup(): Promise<Lsn> {
    if (this.#failure) throw this.#failure;
    const stream = this.#stream;
    if (!stream) throw new HoldfastError('INTERNAL', { reason: 'a journal without a stream' });
    const bytes = this.#group.subarray(0, this.#groupLength);
    const group = this.#group;
    this.#group = this.#spare;
    this.#spare = group;
    this.#groupLength = 0;
    this.#stream = { timeline: stream.timeline, lsn: lsn(stream.lsn + BigInt(bytes.length)) };
    try {
      for (let from = 0; from < bytes.length; ) {
        const at = lsn(stream.lsn + BigInt(from));
        const room = this.segmentSize - segmentOffset(at, this.segmentSize);
        const part = bytes.subarray(from, from + room);
        await this.#writePart({ timeline: stream.timeline, lsn: at }, part);
        from += part.length;
      }
    } catch (error) {
      throw this.#fail(error);
    }
    return this.#stream.lsn;
  }

  async #writePart(at: JournalPosition, part: Buffer): Promise<void> {
    const end = this.#end!;
    const known = Number(end.lsn - at.lsn);
    const held = Math.max(0, Math.min(known, part.length));
    const segment = journalSegment(at, this.segmentSize);
    const offset = segmentOffset(at.lsn, this.segmentSize);
    const handle = await this.#open(segment);
    if (held > 0) {
      const stored = await readUpTo({ handle, position: offset, length: held });
      if (!stored.equals(part.subarray(0, held))) {
        const position = formatLsn(at.lsn);
        throw new HoldfastError('WAL_DIVERGED', { timeline: at.timeline, position });
      }
    }
    const fresh = part.subarray(held);
    if (fresh.length > 0) {
      await writeAll({ handle, bytes: fresh, position: offset + held });
      await handle.datasync();
      this.#end = { timeline: at.timeline, lsn: lsn(at.lsn + BigInt(part.length)) };
      this.#grew(segment, offset + part.length);
    }
    if (offset + part.length === this.segmentSize) await this.#closeFile();
  }

  async #open(segment: Omit<JournalSegment, 'length'>): Promise<Handle> {
    if (this.#file?.number === segment.number) return this.#file.handle;
    await this.#closeFile();
    const { fs } = this.#host;
    const folder = timelineDirectory(this.directory, segment.timeline);
    const path = join(folder, segment.name);
    if (this.#lengthOf(segment) > 0) {
      const handle = await fs.promises.open(path, 'r+');
      this.#file = { number: segment.number, handle };
      return handle;
    }
    if ((await fs.promises.mkdir(folder, { recursive: true, mode: 0o700 })) !== undefined) {
      await syncDirectory(this.#host, this.directory);
    }
    const handle = await fs.promises.open(path, 'w+', 0o600);
    this.#file = { number: segment.number, handle };
    await syncDirectory(this.#host, folder);
    return handle;
  }

  async #closeFile(): Promise<void> {
    const file = this.#file;
    this.#file = undefined;
    await file?.handle.close();
  }

  #lengthOf({ timeline, number }: Pick<JournalSegment, 'timeline' | 'number'>): number {
    const same = (other: JournalSegment) => other.timeline === timeline && other.number === number;
    return this.#segments.findLast(same)?.length ?? 0;
  }

  #grew(segment: Omit<JournalSegment, 'length'>, length: number): void {
    const same = (other: JournalSegment) =>
      other.timeline === segment.timeline && other.number === segment.number;
    const last = this.#segments.at(-1);
    if (last && same(last)) this.#segments[this.#segments.length - 1] = { ...segment, length };
    else
      this.#segments = [...this.#segments.filter((other) => !same(other)), { ...segment, length }];
  }

  #next(): Lsn {
    if (this.#failure) throw this.#failure;
    if (!this.#stream) throw new HoldfastError('INTERNAL', { reason: 'append before attach' });
    return lsn(this.#stream.lsn + BigInt(this.#groupLength));
  }

  #fail(error: unknown): HoldfastError {
    if (error instanceof HoldfastError) return error;
    const reason = error instanceof Error ? error.message : String(error);
    const facts = { directory: this.directory, reason };
    this.#failure ??= new HoldfastError('WAL_JOURNAL_FAILED', facts, { cause: error });
    return this.#failure;
  }

  async #told<T>(done: Promise<T>): Promise<T> {
    try {
      return await done;
    } catch (error) {
      throw this.#fail(error);
    }
  }

  /** Durable bytes of one segment: `[from, to)`, offsets in the segment. */
  read(segment: SegmentFile, from: number, to: number): Promise<Buffer> {
    return this.#told(
      readSegment({ host: this.#host, directory: this.directory, segment, from, to }),
    );
  }

  /** Only for a segment that is neither the newest nor the one before it. */
  async remove(segment: Pick<JournalSegment, 'timeline' | 'number' | 'name'>): Promise<void> {
    const { timeline, number } = segment;
    const same = (other: JournalSegment) => other.timeline === timeline && other.number === number;
    const at = this.#segments.findIndex(same);
    if (at < 0) return;
    if (at >= this.#segments.length - 2) throw new RangeError('the newest segments are kept');
    const folder = timelineDirectory(this.directory, segment.timeline);
    await this.#host.fs.promises.unlink(join(folder, segment.name));
    this.#segments = this.#segments.filter((_, index) => index !== at);
  }

  async putHistory(timeline: number, bytes: Uint8Array): Promise<void> {
    await this.#told(replaceFile(this.#host, join(this.directory, historyName(timeline)), bytes));
  }

  /** File name → bytes. */
  histories(): Promise<ReadonlyMap<string, Buffer>> {
    return this.#told(readHistories({ host: this.#host, directory: this.directory }));
  }

  async close(): Promise<void> {
    await this.#flushing?.catch(() => undefined);
    await this.#closeFile().finally(() => this.#lock.release());
  }

  [Symbol.asyncDispose] = (): Promise<void> => this.close();
}
