/** Bytes from 0 that half-open pieces hold together; they may overlap, in any order. */
export function coveredPrefix(pieces: readonly { from: number; to: number }[]): number {
  let covered = 0;
  for (const { from, to } of [...pieces].sort((a, b) => a.from - b.from)) {
    if (from > covered) break;
    covered = Math.max(covered, to);
  }
  return covered;
}
