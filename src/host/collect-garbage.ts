import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');

const gc: (how?: { type: 'major'; execution: 'sync'; flavor: 'last-resort' }) => void =
  runInNewContext('gc');

/**
 * A full collection of this thread's heap: milliseconds while that is small.
 *
 * Every call of zstd leaves an object that only a full collection frees, and its output buffer with
 * it; V8 begins one by itself at 64 MiB of those, in each thread.
 */
export function collectGarbage(): void {
  gc();
}

/**
 * From here on, young objects get 1 MiB in each thread of this process, and this thread gives back
 * the room it has grown for them: V8 lets it grow to 48 MiB, where buffers nobody needs wait long.
 */
export function keepHeapSmall(): void {
  setFlagsFromString('--semi-space-growth-factor=1');
  // Only this kind of collection shrinks that room.
  gc({ type: 'major', execution: 'sync', flavor: 'last-resort' });
}
