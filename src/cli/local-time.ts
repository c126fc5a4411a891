import { type Instant, parseInstant } from '../content/instant.ts';

/** ISO 8601 in UTC (as results carry it) → `2026-11-21 14:32:07 +01:00` on this machine's clock. */
export function localTime(iso: string): string {
  const date = new Date(Math.floor(parseInstant(iso) / 1000));
  return `${localFields(date)} ${zoneOf(date)}`;
}

/** The same moment with its zone and microseconds: what a person can paste after --at. */
export function zonedTime(value: Instant): string {
  const millis = Math.floor(value / 1000);
  const date = new Date(millis);
  const micros = value - Math.floor(value / 1_000_000) * 1_000_000;
  const fraction = micros === 0 ? '' : `.${String(micros).padStart(6, '0')}`;
  return `${localFields(date).replace(' ', 'T')}${fraction}${zoneOf(date)}`;
}

export function zoneOf(date: Date): string {
  const minutes = -date.getTimezoneOffset();
  const absolute = Math.abs(minutes);
  return `${minutes < 0 ? '-' : '+'}${two(Math.floor(absolute / 60))}:${two(absolute % 60)}`;
}

export function localFields(date: Date): string {
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  return `${day} ${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}

function two(value: number): string {
  return String(value).padStart(2, '0');
}
