import { parentPort } from 'node:worker_threads';
import { collectGarbage } from '../../host/collect-garbage.ts';
import { type FrameTask, runFrameTask } from './frame-task.ts';

/** A collection of this thread's few MB costs about 1.6 ms, and saves 100 MB with two threads. */
const COLLECT_BYTES = 16 * 1024 * 1024;
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
  collectGarbage();
});
