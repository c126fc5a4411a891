import type { Clock } from '../../host/clock.ts';
import { type Finding, ok, warning } from './finding.ts';

const TOLERANCE_MS = 2_000;

/** A reading of another clock, and what ours said right before and after. */
export interface ClockReading {
  readonly before: number;
  readonly other: number;
  readonly after: number;
}

export async function readAgainst(
  clock: Clock,
  read: () => Promise<number>,
): Promise<ClockReading> {
  const before = clock.now();
  const other = await read();
  return { before, other, after: clock.now() };
}

/** What the other clock is certainly ahead (or behind, negative), in milliseconds. */
function skewOf({ before, other, after }: ClockReading): number {
  if (other > after) return other - after;
  return other < before ? other - before : 0;
}

export function clockFinding(whose: string, reading: ClockReading): Finding {
  const skew = skewOf(reading);
  if (Math.abs(skew) <= TOLERANCE_MS) return ok('clock', `The clock of ${whose} agrees with ours.`);
  const seconds = (Math.abs(skew) / 1000).toFixed(1);
  const direction = skew > 0 ? 'ahead of' : 'behind';
  return warning(
    'clock',
    `The clock of ${whose} is ${seconds} s ${direction} that of this machine: times given to restore are by the server’s clock.`,
    'Set both clocks by NTP: timedatectl set-ntp true',
  );
}
