import { basename } from 'node:path';
import { HoldfastError } from '../../../errors/holdfast-error.ts';
import type { Host } from '../../../host/host.ts';
import { headerProblem } from './archive-push.ts';
import { replaceFile } from './durable-file.ts';
import { readSegmentHeader } from './page-header.ts';
import { parseWalFileName } from './segment-name.ts';

/** The repository, as restore_command sees it. Undefined means: certainly not there. */
export interface ArchiveSource {
  /** The segment's bytes from 0 on, as many as are stored without a hole. */
  segment(segment: {
    readonly timeline: number;
    readonly number: bigint;
    readonly name: string;
  }): Promise<Buffer | undefined>;
  /** Whether anything later of the same timeline is stored. */
  hasLater(segment: { readonly timeline: number; readonly number: bigint }): Promise<boolean>;
  document(name: string): Promise<Buffer | undefined>;
}

/**
 * What restore_command does: `fetched` once the file is complete, checked and durable at its
 * place; `absent` only when the repository answered that it has no such file, nor later ones. Everything else
 * rejects, and must exit above 125: from 1 to 125 PostgreSQL reads "the log ends here" and goes
 * live without the rest.
 */
export async function fetchFromArchive(options: {
  readonly host: Pick<Host, 'fs'>;
  /** %f */
  readonly name: string;
  /** Absolute: what %p names. */
  readonly path: string;
  readonly systemIdentifier: string;
  readonly segmentSize: number;
  readonly source: ArchiveSource;
}): Promise<'fetched' | 'absent'> {
  const { host, name, path, segmentSize, source } = options;
  const file = parseWalFileName(name, segmentSize);
  // Names of later versions: nothing of the kind can be stored.
  if (!file) return 'absent';
  if (file.kind === 'history' || file.kind === 'backup') {
    const document = await source.document(name);
    if (!document) return 'absent';
    await replaceFile(host, path, document);
    return 'fetched';
  }
  if (file.kind === 'partial') return 'absent';
  const stored = await source.segment({ ...file, name });
  if (stored?.length !== segmentSize && isRecovery(path) && (await source.hasLater(file))) {
    throw new HoldfastError('WAL_STORED_GAP', { file: name, to: stored?.length ?? 0 });
  }
  if (!stored) return 'absent';
  const header = readSegmentHeader(stored);
  const found = header?.systemIdentifier;
  if (header && found !== options.systemIdentifier) {
    const facts = {
      what: name,
      found: header.systemIdentifier,
      expected: options.systemIdentifier,
    };
    throw new HoldfastError('WAL_FOREIGN_SYSTEM', facts);
  }
  const problem = header ? headerProblem(header, file, segmentSize) : 'it has no header';
  if (problem || stored.length > segmentSize) {
    const reason = problem ?? `it has ${stored.length} of ${segmentSize} bytes`;
    throw new HoldfastError('WAL_STORED_SEGMENT_INVALID', { file: name, reason });
  }
  if (stored.length === segmentSize) {
    await replaceFile(host, path, stored);
    return 'fetched';
  }
  // The unfinished end of a timeline, padded, is for recovery alone.
  if (!isRecovery(path)) return 'absent';
  await replaceFile(host, path, Buffer.concat([stored], segmentSize));
  return 'fetched';
}

/** Recovery asks for these names; pg_rewind, which uses restore_command too, for the segment's own. */
const isRecovery = (path: string): boolean =>
  ['RECOVERYXLOG', 'RECOVERYHISTORY'].includes(basename(path));
