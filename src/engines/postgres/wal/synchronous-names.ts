/**
 * Whether `synchronous_standby_names` names an application, as the server decides it
 * (PostgreSQL: syncrep_gram.y): `a, b`, `2 (a, b)`, `FIRST 1 (a)`, `ANY 2 (a, "B c", *)`.
 * Names compare without case, quoted ones too.
 */
export function isSynchronousName(setting: string, applicationName: string): boolean {
  const list = /^\s*(?:(?:FIRST|ANY)?\s*\d+\s*)\((.*)\)\s*$/is.exec(setting)?.[1] ?? setting;
  const names = list.match(/"(?:[^"]|"")*"|[^\s,]+/g) ?? [];
  return names.some((name) => {
    if (name === '*') return true;
    const plain = name.startsWith('"') ? name.slice(1, -1).replaceAll('""', '"') : name;
    return plain.toLowerCase() === applicationName.toLowerCase();
  });
}
