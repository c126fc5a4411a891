import { join } from 'node:path';
import { HoldfastError } from '../../../errors/holdfast-error.ts';
import type { Host } from '../../../host/host.ts';
import { replaceFile } from './durable-file.ts';
import { isSegmentSize } from './segment-name.ts';

/** Whose log a journal holds. */
export interface JournalIdentity {
  /** Decimal, as IDENTIFY_SYSTEM answers it. */
  readonly systemIdentifier: string;
  readonly segmentSize: number;
}

const FORMAT_VERSION = 1;

/** `journal.json`; undefined when there is none. */
export async function readIdentity(
  host: Pick<Host, 'fs'>,
  directory: string,
): Promise<JournalIdentity | undefined> {
  let text: string;
  try {
    text = await host.fs.promises.readFile(join(directory, 'journal.json'), 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
  const corrupt = (reason: string, cause?: unknown) =>
    new HoldfastError('WAL_JOURNAL_CORRUPT', { directory, reason }, { cause });
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw corrupt('journal.json is not JSON', cause);
  }
  const { formatVersion, systemIdentifier, segmentSize } = Object(value) as Record<string, unknown>;
  if (formatVersion !== FORMAT_VERSION) {
    throw corrupt(`journal.json has format version ${String(formatVersion)}`);
  }
  if (typeof systemIdentifier !== 'string' || !/^\d+$/.test(systemIdentifier)) {
    throw corrupt('journal.json names no system identifier');
  }
  if (typeof segmentSize !== 'number' || !isSegmentSize(segmentSize)) {
    throw corrupt('journal.json names no segment size');
  }
  return { systemIdentifier, segmentSize };
}

export async function writeIdentity(
  host: Pick<Host, 'fs'>,
  directory: string,
  { systemIdentifier, segmentSize }: JournalIdentity,
): Promise<void> {
  const body = { formatVersion: FORMAT_VERSION, systemIdentifier, segmentSize };
  await replaceFile(
    host,
    join(directory, 'journal.json'),
    Buffer.from(`${JSON.stringify(body)}\n`),
  );
}

/** Throws WAL_FOREIGN_SYSTEM or WAL_FOREIGN_SEGMENT_SIZE. */
export function refuseOtherIdentity(
  directory: string,
  found: JournalIdentity,
  wanted: JournalIdentity,
): void {
  const what = `The journal in ${directory}`;
  if (found.systemIdentifier !== wanted.systemIdentifier) {
    throw new HoldfastError('WAL_FOREIGN_SYSTEM', {
      what,
      found: found.systemIdentifier,
      expected: wanted.systemIdentifier,
    });
  }
  if (found.segmentSize !== wanted.segmentSize) {
    throw new HoldfastError('WAL_FOREIGN_SEGMENT_SIZE', {
      what,
      found: found.segmentSize,
      expected: wanted.segmentSize,
    });
  }
}
