import { hostname } from 'node:os';
import { join } from 'node:path';
import { HoldfastError } from '../../../errors/holdfast-error.ts';
import type { Host } from '../../../host/host.ts';

const SQLITE_BUSY = 5;

/**
 * Keeps a journal to one process: two that wrote into one would interleave.
 *
 * Node has no flock; SQLite, which comes with it, takes a POSIX lock on its file and holds it as
 * long as a transaction lasts. The kernel gives that up with the process, however it ends, so that
 * no file is left to be judged stale by a pid, which means nothing from another container.
 */
export class JournalLock {
  #database: { close(): void } | undefined;

  /** WAL_JOURNAL_IN_USE while another process, or another part of this one, holds it. */
  static async acquire(host: Pick<Host, 'fs'>, directory: string): Promise<JournalLock> {
    const { promises: fs } = host.fs;
    const holderFile = join(directory, 'lock.holder');
    // Not before it is needed: older versions of Node warn of it.
    const { DatabaseSync } = await import('node:sqlite');
    let database: InstanceType<typeof DatabaseSync> | undefined;
    try {
      database = new DatabaseSync(join(directory, 'lock'), { timeout: 0 });
      database.exec('PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE');
    } catch (cause) {
      database?.close();
      const { errcode, message: reason } = cause as Error & { readonly errcode?: number };
      if (errcode !== SQLITE_BUSY) {
        throw new HoldfastError('WAL_JOURNAL_FAILED', { directory, reason }, { cause });
      }
      const holder = await fs.readFile(holderFile, 'utf8').catch(() => 'another process');
      throw new HoldfastError('WAL_JOURNAL_IN_USE', { directory, holder }, { cause });
    }
    // For people alone; the lock is the lock without it.
    const me = `process ${process.pid} on ${hostname()}`;
    await fs.writeFile(holderFile, me).catch(() => undefined);
    return new JournalLock(database);
  }

  private constructor(database: { close(): void }) {
    this.#database = database;
  }

  release(): void {
    this.#database?.close();
    this.#database = undefined;
  }
}
