export interface Column<Row> {
  readonly title: string;
  readonly value: (row: Row) => string;
  readonly right?: boolean;
}

/** Columns as wide as their widest cell, two spaces apart; no trailing blanks. */
export function table<Row>(columns: readonly Column<Row>[], rows: readonly Row[]): string {
  const lines = [
    columns.map(({ title }) => title),
    ...rows.map((row) => columns.map(({ value }) => value(row))),
  ];
  const widths = columns.map((_, at) => Math.max(...lines.map((line) => line[at]!.length)));
  return lines
    .map((line) =>
      line
        .map((cell, at) =>
          columns[at]!.right ? cell.padStart(widths[at]!) : cell.padEnd(widths[at]!),
        )
        .join('  ')
        .trimEnd(),
    )
    .map((line) => `${line}\n`)
    .join('');
}

/** `label   value` lines; entries whose value is undefined are left out. */
export function facts(
  entries: readonly (readonly [label: string, value: string | undefined])[],
): string {
  const present = entries.filter(([, value]) => value !== undefined);
  const width = Math.max(0, ...present.map(([label]) => label.length));
  return present.map(([label, value]) => `${label.padEnd(width)}  ${value}\n`).join('');
}

/** The commands to run next, indented so that they can be copied as lines. */
export function nextSteps(commands: readonly string[]): string {
  if (commands.length === 0) return '';
  return `\nNext:\n${commands.map((command) => `  ${command}\n`).join('')}`;
}
