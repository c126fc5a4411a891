import { join } from 'node:path';
import { HoldfastError } from '../../../errors/holdfast-error.ts';
import type { Host } from '../../../host/host.ts';
import { type Lsn, lsn } from '../lsn.ts';
import { readUpTo, replaceFile } from './durable-file.ts';
import { RecordReader } from './record-reader.ts';
import { parseWalFileName, segmentName } from './segment-name.ts';

export interface JournalPosition {
  readonly timeline: number;
  readonly lsn: Lsn;
}

export interface JournalSegment {
  readonly timeline: number;
  readonly number: bigint;
  readonly name: string;
  /** Durable bytes from the segment's first on. */
  readonly length: number;
}

export interface RecoveredJournal {
  readonly segments: JournalSegment[];
  readonly end: JournalPosition | undefined;
}

interface JournalPlace {
  readonly host: Pick<Host, 'fs'>;
  readonly directory: string;
  readonly systemIdentifier: string;
  readonly segmentSize: number;
}

export const timelineDirectory = (directory: string, timeline: number): string =>
  join(directory, timeline.toString(16).toUpperCase().padStart(8, '0'));

const READ = 1 << 20;

/**
 * What a journal holds after a stop of any kind.
 *
 * A segment file is created only after everything before it was synced, so every file but the
 * newest is what its size says. Of the newest neither size nor content is trusted: it counts up to
 * its last valid record, and is then written anew and synced, because bytes that are read back
 * after a failed fsync, or that were never synced, may exist in memory alone.
 */
export async function recoverJournal(place: JournalPlace): Promise<RecoveredJournal> {
  const segments = await listSegments(place);
  for (let newest = segments.pop(); newest; newest = segments.pop()) {
    const before = segments.at(-1);
    const leadsIn =
      before?.timeline === newest.timeline &&
      before.number === newest.number - 1n &&
      before.length === place.segmentSize
        ? before
        : undefined;
    const start = newest.number * BigInt(place.segmentSize);
    const validEnd =
      (leadsIn && (await validEndOf(place, [leadsIn, newest]))) ??
      (await validEndOf(place, [newest])) ??
      lsn(start);
    const length = Math.max(0, Number(validEnd - start));
    const path = join(timelineDirectory(place.directory, newest.timeline), newest.name);
    if (length > 0) {
      await replaceFile(place.host, path, await readFile(place, path, length));
      segments.push({ ...newest, length });
      return { segments, end: { timeline: newest.timeline, lsn: validEnd } };
    }
    await place.host.fs.promises.unlink(path);
    if (leadsIn) {
      return { segments, end: { timeline: newest.timeline, lsn: lsn(start) } };
    }
  }
  return { segments, end: undefined };
}

/** By timeline and position, the newest last. */
async function listSegments(place: JournalPlace): Promise<JournalSegment[]> {
  const { host, directory, segmentSize } = place;
  const segments: JournalSegment[] = [];
  for (const folder of await host.fs.promises.readdir(directory)) {
    if (!/^[0-9A-F]{8}$/.test(folder)) continue;
    for (const name of await host.fs.promises.readdir(join(directory, folder))) {
      const file = parseWalFileName(name, segmentSize);
      if (file?.kind !== 'segment') continue;
      const { size } = await host.fs.promises.stat(join(directory, folder, name));
      const { timeline, number } = file;
      segments.push({ timeline, number, name, length: Math.min(size, segmentSize) });
    }
  }
  return segments.sort((a, b) => a.timeline - b.timeline || (a.number < b.number ? -1 : 1));
}

/** Undefined when reading stopped before the last of `segments`. */
async function validEndOf(
  place: JournalPlace,
  segments: readonly [JournalSegment, ...JournalSegment[]],
): Promise<Lsn | undefined> {
  const { segmentSize, systemIdentifier } = place;
  const reader = new RecordReader({
    start: lsn(segments[0].number * BigInt(segmentSize)),
    segmentSize,
    systemIdentifier,
    keep: () => false,
    onRecord: () => undefined,
  });
  for (const segment of segments) {
    if (reader.stopped) return undefined;
    const path = join(timelineDirectory(place.directory, segment.timeline), segment.name);
    const handle = await place.host.fs.promises.open(path, 'r');
    try {
      for (let position = 0; position < segment.length && !reader.stopped; position += READ) {
        const length = Math.min(READ, segment.length - position);
        reader.push(await readUpTo({ handle, position, length }));
      }
    } finally {
      await handle.close();
    }
  }
  return reader.validEnd;
}

async function readFile(place: JournalPlace, path: string, length: number): Promise<Buffer> {
  const handle = await place.host.fs.promises.open(path, 'r');
  try {
    return await readUpTo({ handle, position: 0, length });
  } finally {
    await handle.close();
  }
}

export type SegmentFile = Pick<JournalSegment, 'timeline' | 'name'>;

/** WAL_JOURNAL_CORRUPT when there are fewer bytes. */
export async function readSegment(options: {
  readonly host: Pick<Host, 'fs'>;
  readonly directory: string;
  readonly segment: SegmentFile;
  readonly from: number;
  readonly to: number;
}): Promise<Buffer> {
  const { host, directory, segment, from, to } = options;
  const path = join(timelineDirectory(directory, segment.timeline), segment.name);
  const handle = await host.fs.promises.open(path, 'r');
  try {
    const bytes = await readUpTo({ handle, position: from, length: to - from });
    if (bytes.length === to - from) return bytes;
    const reason = `${segment.name} has no bytes beyond ${from + bytes.length}`;
    throw new HoldfastError('WAL_JOURNAL_CORRUPT', { directory, reason });
  } finally {
    await handle.close();
  }
}

export function journalSegment(
  position: JournalPosition,
  segmentSize: number,
): Omit<JournalSegment, 'length'> {
  const number = position.lsn / BigInt(segmentSize);
  const { timeline } = position;
  return { timeline, number, name: segmentName({ timeline, number, segmentSize }) };
}

/** File name → bytes. */
export async function readHistories(options: {
  readonly host: Pick<Host, 'fs'>;
  readonly directory: string;
}): Promise<ReadonlyMap<string, Buffer>> {
  const { host, directory } = options;
  const histories = new Map<string, Buffer>();
  for (const name of await host.fs.promises.readdir(directory)) {
    if (!/^[0-9A-F]{8}\.history$/.test(name)) continue;
    histories.set(name, await host.fs.promises.readFile(join(directory, name)));
  }
  return histories;
}
