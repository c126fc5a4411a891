import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { parentPort } from 'node:worker_threads';
import { type FrameTask, runFrameTask } from './frame-task.ts';

/**
 * Every call of zstd leaves an object that only a full collection frees, and its output buffer with
 * it; V8 starts one at 64 MiB of those, in each thread. Collecting the few MB of this thread's heap
 * earlier costs about 1.6 ms every 16 MiB, and saves 100 MB with two threads.
 */
const COLLECT_BYTES = 16 * 1024 * 1024;
setFlagsFromString('--expose-gc');
const collect: () => void = runInNewContext('gc');
let passed = 0;

/** The thread side of WorkerPool for frames: one answer per task, in order. */
parentPort?.on('message', (message: { id: number; task: FrameTask } | null) => {
  if (message === null) return parentPort?.close();
  const { id, task } = message;
  const { result, transfer } = runFrameTask(task);
  parentPort?.postMessage({ id, result }, transfer);
  if (task.task === 'hash') return;
  passed += task.length;
  if (passed < COLLECT_BYTES) return;
  passed = 0;
  collect();
});
