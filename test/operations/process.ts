import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import type { Workbench } from './workbench.ts';

export const MAIN = new URL('../../src/cli/main.ts', import.meta.url).pathname;

export interface Ended {
  readonly exit: number | null;
  readonly out: string;
  readonly err: string;
}

/** Starts holdfast in a process of its own, as a person or a timer does. */
export function start(
  bench: Workbench,
  argv: readonly string[],
  as?: { readonly uid: number; readonly gid: number },
): { readonly child: ChildProcess; readonly ended: Promise<Ended> } {
  const child = spawn(process.execPath, [MAIN, ...argv], {
    cwd: bench.directory,
    env: { PATH: process.env.PATH, ...bench.environment },
    stdio: ['ignore', 'pipe', 'pipe'],
    ...as,
  });
  const said = Promise.all([text(child.stdout), text(child.stderr), once(child, 'exit')]);
  const ended = said.then(([out, err]) => ({ exit: child.exitCode, out, err }));
  return { child, ended };
}
