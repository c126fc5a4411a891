const UNITS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  sec: 1000,
  second: 1000,
  m: 60_000,
  min: 60_000,
  minute: 60_000,
  h: 3_600_000,
  hour: 3_600_000,
  d: 86_400_000,
  day: 86_400_000,
  w: 604_800_000,
  week: 604_800_000,
};

/**
 * `5s`, `1.5 h`, `1h30m`, `10 minutes` in milliseconds. A bare number is refused: its unit would be
 * a guess. Throws RangeError with a message that continues "it …".
 */
export function parseDuration(text: string): number {
  const part = /\s*(\d+(?:\.\d+)?)\s*([a-z]+)\s*/giy;
  const source = text.trim();
  let total = 0;
  let end = 0;
  for (let match = part.exec(source); match !== null; match = part.exec(source)) {
    const word = match[2]!.toLowerCase();
    const unit = UNITS[word] ?? (word.length > 3 ? UNITS[word.replace(/s$/, '')] : undefined);
    if (unit === undefined) throw new RangeError(`does not know the unit "${match[2]}"`);
    total += Number(match[1]) * unit;
    end = part.lastIndex;
  }
  if (end === 0 || end < source.length) {
    throw new RangeError('must be a duration with its unit, such as 5s, 10 min or 1h30m');
  }
  return Math.round(total);
}
