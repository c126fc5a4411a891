import { dirname } from 'node:path';
import type { Host } from '../../../host/host.ts';

type Files = Pick<Host, 'fs'>;

/** A name is durable only once its directory is. */
export async function syncDirectory({ fs }: Files, directory: string): Promise<void> {
  const handle = await fs.promises.open(directory, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Writes all of `bytes` at `position`: a short write is not an error of the file system. */
export async function writeAll(options: {
  readonly handle: Awaited<ReturnType<Host['fs']['promises']['open']>>;
  readonly bytes: Uint8Array;
  readonly position: number;
}): Promise<void> {
  const { handle, bytes, position } = options;
  for (let done = 0; done < bytes.length; ) {
    const left = bytes.length - done;
    const { bytesWritten } = await handle.write(bytes, done, left, position + done);
    done += bytesWritten;
  }
}

/** Reads up to `length` bytes; fewer only at the end of the file. */
export async function readUpTo(options: {
  readonly handle: Awaited<ReturnType<Host['fs']['promises']['open']>>;
  readonly position: number;
  readonly length: number;
}): Promise<Buffer> {
  const { handle, position, length } = options;
  const bytes = Buffer.allocUnsafe(length);
  let done = 0;
  while (done < length) {
    const { bytesRead } = await handle.read(bytes, done, length - done, position + done);
    if (bytesRead === 0) break;
    done += bytesRead;
  }
  return bytes.subarray(0, done);
}

/** All or nothing, also over a power cut: aside, fsync, rename, fsync of the directory. */
export async function replaceFile(
  host: Files,
  path: string,
  bytes: Uint8Array,
  mode = 0o600,
): Promise<void> {
  const aside = `${path}.tmp`;
  const handle = await host.fs.promises.open(aside, 'w', mode);
  try {
    await writeAll({ handle, bytes, position: 0 });
    await handle.sync();
  } finally {
    await handle.close();
  }
  await host.fs.promises.rename(aside, path);
  await syncDirectory(host, dirname(path));
}
