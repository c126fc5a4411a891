import type { Host } from '../../../host/host.ts';
import { runProgram } from './run-program.ts';

/**
 * Processes of the server we started on `dataDir`, and of the commands it started: they work
 * inside the data directory. A person's shell may stand there too, hence name or `mark`: an
 * environment entry given to the server (which overwrites its own, but not its commands').
 * Each backend leads a process group of its own, so the postmaster's group is not enough.
 * Where there is no /proc: the descendants of `postmaster`, as long as it lives.
 */
export async function processesIn(options: {
  readonly host: Host;
  readonly dataDir: string;
  readonly mark: string;
  readonly postmaster: number;
}): Promise<number[]> {
  const { host, dataDir, mark, postmaster } = options;
  const { promises: fs } = host.fs;
  const entries = await fs.readdir('/proc').catch(() => []);
  if (entries.length === 0) return descendants(postmaster);
  const root = await fs.realpath(dataDir).catch(() => dataDir);
  const found: number[] = [];
  for (const entry of entries) {
    if (!/^\d+$/.test(entry) || Number(entry) === process.pid) continue;
    const cwd = await fs.readlink(`/proc/${entry}/cwd`).catch(() => undefined);
    if (cwd !== root) continue;
    const name = await fs.readFile(`/proc/${entry}/comm`, 'utf8').catch(() => '');
    const environment = await fs.readFile(`/proc/${entry}/environ`, 'latin1').catch(() => '');
    if (name.trim() === 'postgres' || environment.split('\0').includes(mark)) {
      found.push(Number(entry));
    }
  }
  return found;
}

async function descendants(pid: number): Promise<number[]> {
  const { stdout } = await runProgram('ps', ['-axo', 'pid=,ppid=']);
  const pairs = stdout
    .trim()
    .split('\n')
    .map((line) => line.trim().split(/\s+/).map(Number));
  const found = [pid];
  for (const parent of found) {
    for (const [child, of] of pairs) if (of === parent && child) found.push(child);
  }
  return pairs.some(([child]) => child === pid) ? found : found.slice(1);
}

export function signalAll(pids: readonly number[], signal: NodeJS.Signals): void {
  for (const pid of pids) {
    try {
      process.kill(pid, signal);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    }
  }
}
