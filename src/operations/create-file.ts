import { dirname } from 'node:path';
import { HoldfastError } from '../errors/holdfast-error.ts';
import type { Host } from '../host/host.ts';

/**
 * Creates a file, whole and durable or not at all; `exists` leaves what is there untouched.
 * FILE_UNWRITABLE when it cannot.
 */
export async function createFile(options: {
  readonly host: Host;
  readonly path: string;
  readonly text: string;
  readonly mode: number;
}): Promise<'created' | 'exists'> {
  const { host, path, text, mode } = options;
  const fs = host.fs.promises;
  const whole = `${path}.${host.random.bytes(6).toString('hex')}`;
  try {
    const handle = await fs.open(whole, 'wx', mode);
    try {
      await handle.writeFile(text);
      await handle.sync();
    } finally {
      await handle.close();
    }
    try {
      await fs.link(whole, path);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      return 'exists';
    } finally {
      await fs.rm(whole, { force: true });
    }
    const directory = await fs.open(dirname(path), 'r');
    try {
      await directory.sync();
    } finally {
      await directory.close();
    }
    return 'created';
  } catch (cause) {
    const reason = (cause as Error).message;
    throw new HoldfastError('FILE_UNWRITABLE', { path, reason }, { cause });
  }
}
