import os from 'node:os';
import { HoldfastError } from '../../errors/holdfast-error.ts';
import type {
  FrameResult,
  FrameTask,
  HashResult,
  HashTask,
  OpenResult,
  OpenTask,
  SealResult,
  SealTask,
} from './frame-task.ts';
import { WorkerPool } from './worker-pool.ts';

/** Resolved beside this file: TypeScript when run from source, JavaScript when compiled. */
const WORKER = new URL(
  import.meta.url.endsWith('.ts') ? './frame.worker.ts' : './frame.worker.js',
  import.meta.url,
);

/** Hashes, seals and opens frames on other threads. Buffers handed in are gone until answered. */
export class FramePool implements AsyncDisposable {
  readonly #pool: WorkerPool<FrameTask, FrameResult>;

  constructor(options: { workers?: number } = {}) {
    const size = options.workers ?? Math.min(os.availableParallelism(), 4);
    this.#pool = new WorkerPool({ url: WORKER, size });
  }

  hash(task: HashTask): Promise<HashResult> {
    return this.#run<'hash'>(task);
  }

  seal(task: SealTask): Promise<SealResult> {
    return this.#run<'seal'>(task);
  }

  /** OBJECT_CORRUPT naming `task.name` when the frame is not what the footer says. */
  open(task: OpenTask): Promise<OpenResult> {
    return this.#run<'open'>(task, task.name);
  }

  close(): Promise<void> {
    return this.#pool.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #run<K extends FrameTask['task']>(
    task: FrameTask,
    object = '',
  ): Promise<Extract<FrameResult, { task: K }>> {
    const result = await this.#pool.run(task, [task.buffer]);
    if (result.task === 'damage') {
      throw new HoldfastError('OBJECT_CORRUPT', { object, reason: result.reason });
    }
    return result as Extract<FrameResult, { task: K }>;
  }
}
