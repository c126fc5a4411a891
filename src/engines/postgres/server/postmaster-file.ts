import { join } from 'node:path';
import type { Host } from '../../../host/host.ts';

/**
 * postmaster.pid, by line: pid, data directory, start time (s), port, socket directory,
 * listen address, shared memory key, status.
 */
export interface PostmasterFile {
  readonly pid: number;
  readonly startedAt: number;
  readonly port: number;
  readonly socketDir: string;
  /** starting, stopping, ready or standby (running without connections); '' before PostgreSQL says. */
  readonly status: string;
}

/** Null when there is none; fields are 0 or '' while the server is still writing them. */
export async function readPostmasterFile(options: {
  readonly host: Host;
  readonly dataDir: string;
}): Promise<PostmasterFile | null> {
  const { host, dataDir } = options;
  let text: string;
  try {
    text = await host.fs.promises.readFile(join(dataDir, 'postmaster.pid'), 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
  const [pid, , startedAt, port, socketDir = '', , , status = ''] = text.split('\n');
  return {
    pid: Math.abs(Number(pid)) || 0,
    startedAt: Number(startedAt) || 0,
    port: Number(port) || 0,
    socketDir,
    status: status.trim(),
  };
}

/** A pid we may not signal is alive all the same; one that only waits to be reaped is not. */
export async function isAlive(options: {
  readonly host: Host;
  readonly pid: number;
}): Promise<boolean> {
  const { host, pid } = options;
  if (pid <= 0) return false;
  try {
    process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
  const stat = await host.fs.promises.readFile(`/proc/${pid}/stat`, 'latin1').catch(() => '');
  return !/\) Z /.test(stat);
}
