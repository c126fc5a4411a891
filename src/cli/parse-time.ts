import { parseDuration } from '../config/duration.ts';
import { type Instant, instant, instantOfMillis, parseInstant } from '../content/instant.ts';
import { HoldfastError } from '../errors/holdfast-error.ts';
import { localFields, zonedTime, zoneOf } from './local-time.ts';

export interface ParsedTime {
  readonly time: Instant;
  /** What was assumed, to be said aloud; undefined when nothing was. */
  readonly assumption?: string;
}

/**
 * A moment as people write it: ISO 8601 with a zone; `2026-11-21 14:32:07` and `14:32:07` (today)
 * on this machine's clock; `10 min ago`, `-10m`; `now`. TIME_UNREADABLE or TIME_AMBIGUOUS.
 */
export function parseTime({ text, now }: { text: string; now: number }): ParsedTime {
  const trimmed = text.trim();
  if (/^now$/i.test(trimmed)) return { time: instantOfMillis(now) };
  const ago = /^(?:-\s*(.+)|(.+?)\s+ago)$/i.exec(trimmed);
  if (ago) return { time: instantOfMillis(now - span(text, (ago[1] ?? ago[2])!)) };

  const match =
    /^(?:(\d{4}-\d\d-\d\d)(?:[T ]\s*|$))?(?:(\d\d?:\d\d(?::\d\d)?)(?:[.,](\d+))?)?\s*(Z|UTC|[+-]\d\d(?::?\d\d)?)?$/i.exec(
      trimmed,
    );
  const [, date, clock, fraction = '', zone] = match ?? [];
  if (!match || (!date && !clock)) throw unreadable(text, 'it is in none of the accepted forms');
  if (!clock) throw unreadable(text, 'a day is not a moment; add the time, such as 14:32:07');
  if (fraction.length > 6) throw unreadable(text, 'PostgreSQL keeps microseconds: six digits');
  if (zone && !date) throw unreadable(text, 'a time with a zone needs its date too');

  const time = withSeconds(clock);
  const micros = Number(fraction.padEnd(6, '0'));
  if (zone) return { time: zoned({ text, date: date!, time, micros, zone }) };
  const today = localFields(new Date(now)).slice(0, 10);
  const found = local({ text, date: date ?? today, time, micros });
  if (!date && found > instantOfMillis(now)) {
    throw unreadable(text, 'today it is still to come; write the date too');
  }
  const assumption = `${text} is read as ${zonedTime(found)}, the time zone of this machine.`;
  return { time: found, assumption };
}

/** `9:05` → `09:05:00` */
function withSeconds(clock: string): string {
  const [hours = '', minutes = '', seconds = '00'] = clock.split(':');
  return `${hours.padStart(2, '0')}:${minutes}:${seconds}`;
}

interface Moment {
  readonly text: string;
  readonly date: string;
  readonly time: string;
  readonly micros: number;
}

function zoned({ text, date, time, micros, zone }: Moment & { readonly zone: string }): Instant {
  try {
    const offset = /^(z|utc)$/i.test(zone) ? 'Z' : zone;
    const whole = parseInstant(`${date}T${time}${offset}`);
    // Date.parse lets 31 February roll into March; a restore must not.
    const shifted = new Date(whole / 1000 + offsetMinutes(offset) * 60_000).toISOString();
    if (shifted.slice(0, 19) !== `${date}T${time}`) throw new RangeError('no such time');
    return instant(whole + micros);
  } catch (cause) {
    throw unreadable(text, 'there is no such date or time', cause);
  }
}

function offsetMinutes(offset: string): number {
  if (offset === 'Z') return 0;
  const [, sign, hours, minutes = '0'] = /^([+-])(\d\d):?(\d\d)?$/.exec(offset)!;
  return (sign === '-' ? -1 : 1) * (Number(hours) * 60 + Number(minutes));
}

/** Refuses what the clock skipped, and what it showed twice, when daylight saving changes. */
function local({ text, date, time, micros }: Moment): Instant {
  const wanted = `${date} ${time}`;
  const [year, month, day] = date.split('-').map(Number) as [number, number, number];
  const [hour, minute, second] = time.split(':').map(Number) as [number, number, number];
  const guess = new Date(year, month - 1, day, hour, minute, second).getTime();
  const quarter = 15 * 60_000;
  const candidates: number[] = [];
  for (let step = -12; step <= 12; step++) {
    const candidate = guess + step * quarter;
    if (localFields(new Date(candidate)) === wanted) candidates.push(candidate);
  }
  const [first, other] = candidates;
  if (first === undefined) throw unreadable(text, 'there is no such date or time here');
  if (other !== undefined) {
    const spell = (millis: number) => `${wanted.replace(' ', 'T')}${zoneOf(new Date(millis))}`;
    throw new HoldfastError('TIME_AMBIGUOUS', {
      text,
      first: spell(first),
      second: spell(other),
    });
  }
  return instant(first * 1000 + micros);
}

function span(text: string, duration: string): number {
  try {
    return parseDuration(duration);
  } catch (cause) {
    throw unreadable(text, `"${duration}" ${(cause as Error).message}`, cause);
  }
}

function unreadable(text: string, reason: string, cause?: unknown): HoldfastError {
  return new HoldfastError('TIME_UNREADABLE', { text, reason }, { cause });
}
