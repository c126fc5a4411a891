/**
 * Microseconds since the Unix epoch: PostgreSQL's resolution, exact in a double until 2255.
 */
export type Instant = number & { readonly __instant: unique symbol };

export const instant = (micros: number): Instant => micros as Instant;

export const instantOfMillis = (millis: number): Instant => instant(Math.round(millis * 1000));

/** `2026-11-21T14:32:07.000001Z`; a zone is required, the fraction may have up to six digits. */
export function parseInstant(text: string): Instant {
  const match =
    /^(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(?:\.(\d{1,6}))?\s*(Z|[+-]\d\d(?::?\d\d)?)$/.exec(text);
  if (!match) throw new RangeError(`not a time with a zone: ${text}`);
  const [, date, time, fraction = '', zone = 'Z'] = match;
  const offset =
    zone === 'Z' ? 'Z' : `${zone.slice(0, 3)}:${zone.slice(3).replace(':', '') || '00'}`;
  const seconds = Date.parse(`${date}T${time}${offset}`);
  if (Number.isNaN(seconds)) throw new RangeError(`not a time: ${text}`);
  return instant(seconds * 1000 + Number(fraction.padEnd(6, '0')));
}

/** Always UTC with six digits, so that equal instants are equal strings and sort as text. */
export function formatInstant(value: Instant): string {
  const millis = Math.floor(value / 1000);
  const micros = String(value - millis * 1000).padStart(3, '0');
  return `${new Date(millis).toISOString().slice(0, -1)}${micros}Z`;
}
