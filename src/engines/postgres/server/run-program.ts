import { execFile } from 'node:child_process';
import type { ServerUser } from './server-user.ts';

export interface ProgramResult {
  /** Null when it could not be started or died by a signal; see `reason`. */
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly reason: string;
}

/** Runs a short-lived program to its end; a failure is a result, not a rejection. */
export function runProgram(
  file: string,
  args: readonly string[],
  options: { readonly user?: ServerUser | undefined; readonly cwd?: string } = {},
): Promise<ProgramResult> {
  const { promise, resolve } = Promise.withResolvers<ProgramResult>();
  const { user, cwd = '/' } = options;
  execFile(
    file,
    [...args],
    {
      cwd,
      env: serverEnvironment(),
      maxBuffer: 1 << 24,
      ...(user && { uid: user.uid, gid: user.gid }),
    },
    (error, stdout, stderr) => {
      const exitCode = error ? (typeof error.code === 'number' ? error.code : null) : 0;
      const reason = error ? stderr.trim() || error.message : '';
      resolve({ exitCode, stdout, stderr, reason });
    },
  );
  return promise;
}

/** What a program needs to find its way: its libraries, time zone, locale. */
const PASSED_ON = /^(PATH|HOME|USER|LOGNAME|SHELL|TZ|TZDIR|TMPDIR|LANG|LC_\w+|LD_\w+|DYLD_\w+)$/;

/**
 * Of ours only that. PGDATA and its like would steer the server elsewhere, and whoever runs SQL
 * on a restored server has no business with the secrets that opened the repository.
 */
export function serverEnvironment(): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(([name]) => PASSED_ON.test(name));
  return { ...Object.fromEntries(kept), LC_MESSAGES: 'C' };
}
