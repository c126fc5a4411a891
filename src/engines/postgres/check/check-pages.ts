import type { FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import type { Host } from '../../../host/host.ts';
import { readControlFile } from '../control-file.ts';
import type { Check, CheckContext } from './check.ts';
import { pageProblem } from './page-checksum.ts';
import { type RelationFile, relationFiles } from './relation-files.ts';
import { Tally } from './tally.ts';

const CHUNK_PAGES = 128;
const ATTEMPTS = 5;
const PAUSE_MS = 20;

/** Every page of every relation file by our own reader: it needs no server, and trusts none. */
export const checkPages: Check = {
  name: 'page-checksums',
  level: 'L3',
  run: async (context) => {
    const { host, dataDir, signal } = context;
    const control = await readControlFile({ host, dataDir });
    const tally = new Tally('pages');
    if (!control.dataChecksums) tally.note('data checksums are off, so only page headers');
    const buffer = Buffer.alloc(CHUNK_PAGES * control.blockSize);
    for await (const file of relationFiles({ host, dataDir })) {
      signal?.throwIfAborted();
      await checkFile({
        context,
        file,
        tally,
        buffer,
        firstBlock: file.segment * control.segmentBlocks,
        blockSize: control.blockSize,
        checksums: control.dataChecksums,
      });
    }
    return tally.finding();
  },
};

interface FileOptions {
  readonly context: CheckContext;
  readonly file: RelationFile;
  readonly tally: Tally;
  readonly buffer: Buffer;
  readonly firstBlock: number;
  readonly blockSize: number;
  readonly checksums: boolean;
}

async function checkFile(options: FileOptions): Promise<void> {
  const { context, file, tally, buffer, firstBlock, blockSize, checksums } = options;
  const handle = await open(context.host, join(context.dataDir, file.path));
  if (!handle) return;
  try {
    for (let page = 0; ; ) {
      const bytes = await readFully(handle, buffer, page * blockSize);
      const pages = Math.floor(bytes / blockSize);
      for (let index = 0; index < pages; index++) {
        const block = firstBlock + page + index;
        const at = buffer.subarray(index * blockSize, (index + 1) * blockSize);
        const problem = pageProblem({ page: at, block, checksums });
        if (!problem) continue;
        const position = (page + index) * blockSize;
        const lasting = await repeat({ ...options, handle, position, block });
        if (lasting) tally.problem(`${file.path} block ${block}: ${lasting}`);
      }
      tally.count(pages);
      page += pages;
      if (bytes === buffer.length) continue;
      const rest = bytes - pages * blockSize;
      const { size } = await handle.stat();
      // A server that extends the file adds whole pages, so an odd length is damage.
      if (rest > 0 && size % blockSize !== 0) {
        tally.problem(`${file.path}: ${rest} bytes after its last whole page`);
      }
      return;
    }
  } finally {
    await handle.close();
  }
}

/** A running server may have been writing just this page: only what stays wrong is wrong. */
async function repeat(
  options: FileOptions & {
    readonly handle: FileHandle;
    readonly position: number;
    readonly block: number;
  },
): Promise<string | undefined> {
  const { context, handle, position, block, blockSize, checksums } = options;
  const page = Buffer.alloc(blockSize);
  let problem: string | undefined;
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    if (attempt > 0) await context.host.clock.sleep(PAUSE_MS);
    if ((await readFully(handle, page, position)) < blockSize) return undefined;
    problem = pageProblem({ page, block, checksums });
    if (!problem) return undefined;
  }
  return problem;
}

async function open(host: Host, path: string): Promise<FileHandle | undefined> {
  try {
    return await host.fs.promises.open(path, 'r');
  } catch (error) {
    // Dropped since it was listed.
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** Bytes read: fewer than asked only at the end of the file. */
async function readFully(handle: FileHandle, into: Buffer, position: number): Promise<number> {
  let done = 0;
  while (done < into.length) {
    const left = into.length - done;
    const { bytesRead } = await handle.read(into, done, left, position + done);
    if (bytesRead === 0) break;
    done += bytesRead;
  }
  return done;
}
