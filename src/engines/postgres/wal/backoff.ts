import type { Host } from '../../../host/host.ts';

const FIRST_MS = 100;

/** Doubling from 100 ms up to `maxMs`, each with up to a quarter less, so that many do not meet. */
export function backoff(options: {
  readonly host: Pick<Host, 'random'>;
  /** 0 after the first failure. */
  readonly attempt: number;
  readonly maxMs: number;
}): number {
  const full = Math.min(options.maxMs, FIRST_MS * 2 ** Math.min(options.attempt, 30));
  const share = (options.host.random.bytes(1)[0] ?? 0) / 1024;
  return Math.round(full * (1 - share));
}
