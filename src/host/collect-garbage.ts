import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');

/**
 * A full collection of this thread's heap: milliseconds while that is small.
 *
 * Every call of zstd leaves an object that only a full collection frees, and its output buffer with
 * it; V8 begins one by itself at 64 MiB of those, in each thread.
 */
export const collectGarbage: () => void = runInNewContext('gc');
