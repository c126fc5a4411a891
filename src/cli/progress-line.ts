import type { Progress } from '../content/progress.ts';
import type { Clock } from '../host/clock.ts';
import type { Io } from './io.ts';
import { formatBytes, formatCount, formatSeconds } from './units.ts';

const REDRAW_MS = 100;
const PLAIN_LINE_MS = 10_000;
/** The rate is that of about this long, so that a stall shows within seconds. */
const RATE_WINDOW_MS = 10_000;

interface Sample {
  readonly at: number;
  readonly done: number;
}

/**
 * Progress for a person's eyes, on stderr: one line redrawn on a terminal, otherwise a line when
 * a phase begins and every 10 s.
 */
export class ProgressLine {
  readonly #io: Io;
  readonly #clock: Clock;
  #phase: string | undefined;
  #samples: Sample[] = [];
  #writtenAt = Number.NEGATIVE_INFINITY;
  #drawn = false;

  constructor({ io, clock }: { io: Io; clock: Clock }) {
    this.#io = io;
    this.#clock = clock;
  }

  update(progress: Progress): void {
    const now = this.#clock.monotonic();
    const begins = progress.phase !== this.#phase;
    if (begins) {
      this.#phase = progress.phase;
      this.#samples = [];
    }
    this.#sample({ at: now, done: progress.done });
    const interval = this.#io.terminal ? REDRAW_MS : PLAIN_LINE_MS;
    const complete = this.#io.terminal && progress.done === progress.total;
    if (!begins && !complete && now - this.#writtenAt < interval) return;
    this.#writtenAt = now;
    const text = describeProgress(progress, this.#rate());
    if (!this.#io.terminal) {
      this.#io.err(`${text}\n`);
      return;
    }
    this.#drawn = true;
    this.#io.err(`\r${text.slice(0, Math.max(1, this.#io.columns - 1))}\x1b[K`);
  }

  /** Takes the line away, so that other text can be written; the next update draws it again. */
  clear(): void {
    if (!this.#drawn) return;
    this.#drawn = false;
    this.#writtenAt = Number.NEGATIVE_INFINITY;
    this.#io.err('\r\x1b[K');
  }

  #sample(sample: Sample): void {
    const samples = this.#samples;
    const last = samples.at(-1);
    if (last && (sample.done < last.done || sample.at - last.at > 10 * RATE_WINDOW_MS)) {
      samples.length = 0;
    }
    // One sample a redraw is plenty; the newest always counts.
    if (samples.length > 1 && sample.at - samples.at(-2)!.at < REDRAW_MS) samples.pop();
    samples.push(sample);
    while (samples.length > 2 && sample.at - samples[1]!.at >= RATE_WINDOW_MS) samples.shift();
  }

  /** Per second; undefined until there is something to measure. */
  #rate(): number | undefined {
    const first = this.#samples[0];
    const last = this.#samples.at(-1);
    if (!first || !last || last.at - first.at < 500 || last.done <= first.done) return undefined;
    return ((last.done - first.done) / (last.at - first.at)) * 1000;
  }
}

/** `Reading  12.3 GiB of 40.0 GiB (30 %)  512 MiB/s  55.2 s left` */
export function describeProgress(progress: Progress, rate: number | undefined): string {
  const { phase, done, total, unit } = progress;
  const amount = unit === 'bytes' ? formatBytes : formatCount;
  const parts = [phase];
  if (total !== undefined && total > 0) {
    const share = Math.min(100, Math.floor((done / total) * 100));
    parts.push(`${amount(done)} of ${amount(total)} (${share} %)`);
  } else if (done > 0) {
    parts.push(amount(done));
  }
  if (rate !== undefined) {
    parts.push(unit === 'bytes' ? `${formatBytes(rate)}/s` : `${rate.toFixed(1)}/s`);
    if (total !== undefined && total > done) {
      parts.push(`${formatSeconds((total - done) / rate)} left`);
    }
  }
  return parts.join('  ');
}
