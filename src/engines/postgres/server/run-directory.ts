import { spawn } from 'node:child_process';
import { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Writable } from 'node:stream';
import type { Host } from '../../../host/host.ts';
import { serverEnvironment } from './run-program.ts';
import { giveTo, type ServerUser } from './server-user.ts';

export const LOG_FILE = 'server.log';

/**
 * For the sockets, the log and the access rules of one server. Socket paths are limited to about
 * 100 bytes, so the name is short.
 */
export async function makeRunDirectory(options: {
  readonly host: Host;
  readonly user: ServerUser | undefined;
}): Promise<string> {
  const { host, user } = options;
  const path = await host.fs.promises.mkdtemp(join(tmpdir(), 'holdfast-'));
  try {
    await giveTo({ host, path, user });
  } catch (error) {
    await host.fs.promises.rm(path, { recursive: true, force: true });
    throw error;
  }
  return path;
}

/**
 * Removes the run directory of a server that may outlive this process: when nobody holds the
 * answered stream open any more, which the server inherits. Where the server did not end by
 * shutting down the directory stays, for its log.
 */
export function removeWhenEnded(runDirectory: string): Writable {
  const script = `cat > /dev/null
grep -q 'database system is shut down' "$0/${LOG_FILE}" && exec rm -rf -- "$0"`;
  const sweeper = spawn('/bin/sh', ['-c', script, runDirectory], {
    cwd: '/',
    env: serverEnvironment(),
    stdio: ['pipe', 'ignore', 'ignore'],
    // An interrupt on the terminal must not end it before the server.
    detached: true,
  });
  sweeper.unref();
  // Best effort: without a shell a directory is left behind.
  sweeper.on('error', () => undefined);
  sweeper.stdin.on('error', () => undefined);
  if (sweeper.stdin instanceof Socket) sweeper.stdin.unref();
  return sweeper.stdin;
}
