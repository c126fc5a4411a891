import { parentPort } from 'node:worker_threads';
import { type FrameTask, runFrameTask } from './frame-task.ts';

/** The thread side of WorkerPool for frames: one answer per task, in order. */
parentPort?.on('message', ({ id, task }: { id: number; task: FrameTask }) => {
  const { result, transfer } = runFrameTask(task);
  parentPort?.postMessage({ id, result }, transfer);
});
