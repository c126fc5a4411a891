import fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const PREFIX = 'holdfast-test-';
const live = new Map<string, () => void>();

/**
 * A fresh directory that is gone when this process is, however it ends (a killed one is swept by
 * the next test run). `beforeRemoval` runs synchronously, first.
 */
export function temporaryDirectory(beforeRemoval: () => void = () => undefined): string {
  const path = fs.mkdtempSync(join(tmpdir(), `${PREFIX}${process.pid}-`));
  fs.chmodSync(path, 0o755);
  live.set(path, beforeRemoval);
  return path;
}

export function removeTemporary(path: string): void {
  live.get(path)?.();
  live.delete(path);
  fs.rmSync(path, { recursive: true, force: true });
}

function removeAll(): void {
  for (const path of live.keys()) removeTemporary(path);
}

process.once('exit', removeAll);
// Not SIGTERM: a handler would keep it from ending a process that spins.
process.once('SIGINT', () => process.exit(1));

/** Ends servers and removes directories of test processes that were killed. */
export function sweepTemporary(): void {
  for (const name of fs.readdirSync(tmpdir())) {
    const owner = Number(new RegExp(`^${PREFIX}(\\d+)-`).exec(name)?.[1]);
    if (!owner || isAlive(owner)) continue;
    const path = join(tmpdir(), name);
    // Another run may sweep the same at this moment.
    if (fs.statSync(path, { throwIfNoEntry: false })?.uid !== process.getuid?.()) continue;
    killPostmaster(join(path, 'data'));
    fs.rmSync(path, { recursive: true, force: true });
  }
}

/** Only a server that still stands in `dataDir`: a pid alone may be another process's by now. */
export function killPostmaster(dataDir: string): void {
  try {
    const file = fs.readFileSync(join(dataDir, 'postmaster.pid'), 'utf8');
    const pid = Number(file.split('\n')[0]);
    const proc = `/proc/${pid}/cwd`;
    if (fs.existsSync('/proc/self') && fs.readlinkSync(proc) !== fs.realpathSync(dataDir)) return;
    process.kill(pid, 'SIGQUIT');
    waitForExit(pid);
  } catch {
    // No server, or it ended meanwhile.
  }
}

function waitForExit(pid: number): void {
  const gate = new Int32Array(new SharedArrayBuffer(4));
  for (let waited = 0; waited < 200 && isAlive(pid); waited++) {
    if (waited === 150) process.kill(pid, 'SIGKILL');
    Atomics.wait(gate, 0, 0, 20);
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    const stat = `/proc/${pid}/stat`;
    // A zombie is dead, though nobody has reaped it.
    return !fs.existsSync(stat) || !/\) Z /.test(fs.readFileSync(stat, 'latin1'));
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
