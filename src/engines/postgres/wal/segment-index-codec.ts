import { type Instant, instant } from '../../../content/instant.ts';
import { HoldfastError } from '../../../errors/holdfast-error.ts';
import { type Lsn, lsn } from '../lsn.ts';
import type { SegmentIndex, WalEvent } from './segment-index.ts';
import { Reader, Writer } from './varint.ts';

/**
 * A segment index in bytes. Numbers are varints, differences signed (see varint.ts).
 *
 *   4      "HFWI"
 *   u8     version (1)
 *   u8     flags: 1 headless · 2 stopped · 4 tail follows
 *   from, to − from, validEnd − from
 *   stopped at − from, reason                       (flag 2)
 *   tail                                            (flag 4)
 *   count of events, then each:
 *     u8       kind (0 commit, 1 abort, 2 restore point, 3 checkpoint, 4 end of recovery,
 *              5 switch) ‖ 0x10 prepared or shutdown ‖ 0x20 subtransactions follow
 *     end − end of the event before, end − start
 *     time − time of the event before               (not 5)
 *     xid − xid of the event before                 (0, 1)
 *     count, each − the one before (first: − xid)   (0x20)
 *     name                                          (2)
 *     end − redo                                    (3)
 *     timeline, timeline before                     (3, 4)
 */
const MAGIC = Buffer.from('HFWI');
const VERSION = 1;
const [HEADLESS, STOPPED, TAIL] = [1, 2, 4];
const KINDS = [
  'commit',
  'abort',
  'restore-point',
  'checkpoint',
  'end-of-recovery',
  'switch',
] as const;
const MARK = 0x10;
const SUBTRANSACTIONS = 0x20;

export function encodeSegmentIndex(index: SegmentIndex): Buffer {
  const writer = new Writer();
  for (const byte of MAGIC) writer.byte(byte);
  writer.byte(VERSION);
  const { stopped, tail } = index;
  writer.byte((index.headless ? HEADLESS : 0) | (stopped ? STOPPED : 0) | (tail ? TAIL : 0));
  const from = Number(index.from);
  writer.unsigned(from);
  writer.unsigned(Number(index.to) - from);
  writer.signed(Number(index.validEnd) - from);
  if (stopped) {
    writer.signed(Number(stopped.at) - from);
    writer.text(stopped.reason);
  }
  if (tail) writer.bytes(tail);
  writer.unsigned(index.events.length);
  const before = { end: from, time: 0, xid: 0 };
  for (const event of index.events) {
    encodeEvent(writer, event, before);
  }
  return writer.finish();
}

interface Before {
  end: number;
  time: number;
  xid: number;
}

function encodeEvent(writer: Writer, event: WalEvent, before: Before): void {
  const isTransaction = event.kind === 'commit' || event.kind === 'abort';
  const mark = (isTransaction && event.prepared) || (event.kind === 'checkpoint' && event.shutdown);
  const nested = isTransaction && event.subtransactions.length > 0;
  writer.byte(KINDS.indexOf(event.kind) | (mark ? MARK : 0) | (nested ? SUBTRANSACTIONS : 0));
  const end = Number(event.end);
  writer.signed(end - before.end);
  writer.unsigned(end - Number(event.start));
  before.end = end;
  if (event.kind === 'switch') return;
  writer.signed(event.time - before.time);
  before.time = event.time;
  if (isTransaction) {
    writer.signed(event.xid - before.xid);
    before.xid = event.xid;
    if (nested) {
      writer.unsigned(event.subtransactions.length);
      let last = event.xid;
      for (const xid of event.subtransactions) {
        writer.signed(xid - last);
        last = xid;
      }
    }
  } else if (event.kind === 'restore-point') {
    writer.text(event.name);
  } else if (event.kind === 'checkpoint' || event.kind === 'end-of-recovery') {
    if (event.kind === 'checkpoint') writer.signed(end - Number(event.redo));
    writer.unsigned(event.timeline);
    writer.unsigned(event.previousTimeline);
  }
}

/** Throws WAL_INDEX_CORRUPT. */
export function decodeSegmentIndex(bytes: Buffer): SegmentIndex {
  try {
    return decode(bytes);
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause;
    throw new HoldfastError('WAL_INDEX_CORRUPT', { reason: cause.message }, { cause });
  }
}

const lsnOf = (value: number): Lsn => lsn(BigInt(value));

function decode(bytes: Buffer): SegmentIndex {
  if (!bytes.subarray(0, MAGIC.length).equals(MAGIC)) throw new RangeError('no index begins here');
  const reader = new Reader(bytes.subarray(MAGIC.length));
  const version = reader.byte();
  if (version !== VERSION) throw new RangeError(`its version is ${version}`);
  const flags = reader.byte();
  const from = reader.unsigned();
  const to = from + reader.unsigned();
  const validEnd = from + reader.signed();
  const stopped =
    flags & STOPPED ? { at: lsnOf(from + reader.signed()), reason: reader.text() } : null;
  const tail = flags & TAIL ? Buffer.from(reader.bytes()) : null;
  const events: WalEvent[] = [];
  const before = { end: from, time: 0, xid: 0 };
  for (let left = reader.unsigned(); left > 0; left--) events.push(decodeEvent(reader, before));
  if (!reader.done) throw new RangeError('it goes on after its end');
  return {
    from: lsnOf(from),
    to: lsnOf(to),
    validEnd: lsnOf(validEnd),
    headless: (flags & HEADLESS) !== 0,
    stopped,
    events,
    tail,
  };
}

function decodeEvent(reader: Reader, before: Before): WalEvent {
  const head = reader.byte();
  const kind = KINDS[head & 0x0f];
  before.end += reader.signed();
  const end = before.end;
  const at = { start: lsnOf(end - reader.unsigned()), end: lsnOf(end) };
  if (kind === 'switch') return { ...at, kind };
  before.time += reader.signed();
  const time: Instant = instant(before.time);
  const marked = (head & MARK) !== 0;
  switch (kind) {
    case 'commit':
    case 'abort': {
      before.xid += reader.signed();
      const subtransactions = head & SUBTRANSACTIONS ? decodeXids(reader, before.xid) : [];
      return { ...at, kind, xid: before.xid, time, prepared: marked, subtransactions };
    }
    case 'restore-point':
      return { ...at, kind, name: reader.text(), time };
    case 'checkpoint': {
      const redo = lsnOf(end - reader.signed());
      const timeline = reader.unsigned();
      const previousTimeline = reader.unsigned();
      return { ...at, kind, shutdown: marked, redo, timeline, previousTimeline, time };
    }
    case 'end-of-recovery':
      return {
        ...at,
        kind,
        timeline: reader.unsigned(),
        previousTimeline: reader.unsigned(),
        time,
      };
    default:
      throw new RangeError(`an event of kind ${head & 0x0f}`);
  }
}

function decodeXids(reader: Reader, top: number): number[] {
  const xids: number[] = [];
  let last = top;
  for (let left = reader.unsigned(); left > 0; left--) {
    last += reader.signed();
    xids.push(last);
  }
  return xids;
}
