import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { HoldfastError } from '../../errors/holdfast-error.ts';

interface Job<Task, Result> {
  readonly task: Task;
  readonly transfer: ArrayBuffer[];
  readonly resolve: (result: Result) => void;
  readonly reject: (error: unknown) => void;
}

interface Thread<Task, Result> {
  readonly worker: Worker;
  readonly jobs: Map<number, Job<Task, Result>>;
}

/** For a thread that hangs in a job; the others end by themselves at once. */
const LINGER_MS = 10_000;

/** One job runs, one waits beside it, so that a thread never idles for a message. */
const JOBS_PER_THREAD = 2;

/**
 * Threads that answer `{id, task}` with `{id, result}`, and end at `null`.
 *
 * Every promise settles: a thread that throws or stops rejects its jobs, and because nobody knows
 * what it left half done, the whole pool fails with it. An idle pool does not keep the process.
 */
export class WorkerPool<Task, Result> implements AsyncDisposable {
  readonly #threads: Thread<Task, Result>[] = [];
  readonly #queue: Job<Task, Result>[] = [];
  #nextId = 0;
  #failure: unknown;
  #closed = false;

  readonly #url: URL;
  readonly #size: number;

  /** Up to `size` threads, each started when the ones before it are busy. */
  constructor(options: { url: URL; size: number }) {
    this.#url = options.url;
    this.#size = options.size;
  }

  run(task: Task, transfer: ArrayBuffer[]): Promise<Result> {
    return new Promise((resolve, reject) => {
      if (this.#failure !== undefined) return reject(this.#failure);
      if (this.#closed) return reject(stopped('the pool is closed'));
      this.#queue.push({ task, transfer, resolve, reject });
      this.#dispatch();
    });
  }

  /**
   * Jobs that have not been answered are rejected. The threads are asked to end, not terminated:
   * Node 26.10 aborts the whole process when a thread is terminated while it sets up zstd.
   */
  async close(): Promise<void> {
    this.#closed = true;
    this.#rejectAll(stopped('the pool is closed'));
    await Promise.all(this.#threads.map(({ worker }) => end(worker)));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** The thread with the least to do; undefined when all have enough. */
  #available(): Thread<Task, Result> | undefined {
    let least: Thread<Task, Result> | undefined;
    for (const thread of this.#threads) {
      if (least === undefined || thread.jobs.size < least.jobs.size) least = thread;
    }
    const busy = least === undefined || least.jobs.size > 0;
    if (busy && this.#threads.length < this.#size) return this.#start();
    return least !== undefined && least.jobs.size < JOBS_PER_THREAD ? least : undefined;
  }

  #start(): Thread<Task, Result> {
    const worker = new Worker(this.#url);
    const thread: Thread<Task, Result> = { worker, jobs: new Map() };
    worker.on('message', ({ id, result }: { id: number; result: Result }) => {
      const job = thread.jobs.get(id);
      thread.jobs.delete(id);
      if (thread.jobs.size === 0) worker.unref();
      this.#dispatch();
      job?.resolve(result);
    });
    worker.on('error', (error) => this.#fail(error));
    worker.on('messageerror', (error) => this.#fail(error));
    worker.on('exit', (code) => {
      if (!this.#closed) this.#fail(new Error(`exit code ${code}`));
    });
    worker.unref();
    this.#threads.push(thread);
    return thread;
  }

  #dispatch(): void {
    while (this.#queue.length > 0) {
      const thread = this.#available();
      if (thread === undefined) return;
      const job = this.#queue.shift() as Job<Task, Result>;
      const id = this.#nextId++;
      try {
        thread.worker.postMessage({ id, task: job.task }, job.transfer);
      } catch (error) {
        job.reject(error);
        continue;
      }
      thread.jobs.set(id, job);
      thread.worker.ref();
    }
  }

  #fail(cause: unknown): void {
    this.#failure ??= stopped('a worker thread stopped', cause);
    this.#rejectAll(this.#failure);
  }

  #rejectAll(error: unknown): void {
    for (const { jobs } of this.#threads) {
      for (const job of jobs.values()) job.reject(error);
      jobs.clear();
    }
    for (const job of this.#queue.splice(0)) job.reject(error);
  }
}

async function end(worker: Worker): Promise<void> {
  // A thread that is gone has no id any more, and would never say exit again.
  if (worker.threadId === -1) return;
  const exited = once(worker, 'exit');
  worker.ref();
  worker.postMessage(null);
  const timer = setTimeout(() => worker.terminate(), LINGER_MS);
  await exited.catch(() => undefined);
  clearTimeout(timer);
}

function stopped(reason: string, cause?: unknown): HoldfastError {
  return new HoldfastError('INTERNAL', { reason }, { cause });
}
