import type { OnProgress } from '../../../content/progress.ts';
import type { Check, CheckContext, CheckResult } from './check.ts';

/** Runs every check in turn. One that cannot run has failed: nothing is proven by silence. */
export async function runChecks(options: {
  readonly checks: readonly Check[];
  readonly context: CheckContext;
  readonly onProgress?: OnProgress;
}): Promise<CheckResult[]> {
  const { checks, context, onProgress } = options;
  const { clock } = context.host;
  const results: CheckResult[] = [];
  for (const { name, level, run } of checks) {
    context.signal?.throwIfAborted();
    onProgress?.({ phase: name, done: results.length, total: checks.length, unit: 'items' });
    const started = clock.monotonic();
    const finding = await run(context).catch((error: unknown) => {
      context.signal?.throwIfAborted();
      const reason = error instanceof Error ? error.message : String(error);
      return { ok: false, detail: `it could not run: ${reason}`, counted: 0 };
    });
    results.push({ name, level, ...finding, seconds: (clock.monotonic() - started) / 1000 });
  }
  return results;
}
