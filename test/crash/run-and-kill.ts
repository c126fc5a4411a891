import assert from 'node:assert/strict';
import { once } from 'node:events';
import { watch } from 'node:fs';
import { start } from '../operations/process.ts';
import type { Workbench } from '../operations/workbench.ts';

/**
 * Runs holdfast in a process of its own and ends it with kill -9, so long after its first effect
 * in a directory: the moment does not depend on how long a process takes to start today.
 */
export async function runAndKill(options: {
  readonly bench: Workbench;
  readonly argv: readonly string[];
  /** An existing directory. */
  readonly first: string;
  /** Undefined: it may end by itself. */
  readonly afterMs?: number;
}): Promise<{ readonly killed: boolean; readonly ms: number }> {
  const { bench, argv, first, afterMs } = options;
  const watcher = watch(first);
  const { child, ended } = start(bench, argv);
  await Promise.race([once(watcher, 'change'), ended]);
  watcher.close();
  const began = performance.now();
  const timer =
    afterMs === undefined ? undefined : setTimeout(() => child.kill('SIGKILL'), afterMs);
  const { exit, err } = await ended;
  clearTimeout(timer);
  const killed = child.signalCode === 'SIGKILL';
  assert.ok(killed || exit === 0, err);
  return { killed, ms: performance.now() - began };
}
