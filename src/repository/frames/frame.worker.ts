import { parentPort } from 'node:worker_threads';
import { type FrameTask, runFrameTask } from './frame-task.ts';

/** The thread side of WorkerPool for frames: one answer per task, in order. */
parentPort?.on('message', (message: { id: number; task: FrameTask } | null) => {
  if (message === null) return parentPort?.close();
  const { result, transfer } = runFrameTask(message.task);
  parentPort?.postMessage({ id: message.id, result }, transfer);
});
