import { HoldfastError } from '../../errors/holdfast-error.ts';

/** By UTF-8 bytes, which is by code points: `<` on strings goes by UTF-16 units instead. */
export function comparePaths(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let index = 0; index < length; index += 1) {
    const left = a.charCodeAt(index);
    const right = b.charCodeAt(index);
    if (left !== right) return rank(left) - rank(right);
  }
  return a.length - b.length;
}

/** Surrogates stand for code points above every other unit. */
function rank(unit: number): number {
  if (unit < 0xd800) return unit;
  return unit >= 0xe000 ? unit - 0x800 : unit + 0x2000;
}

/** Relative, `/`-separated, and it cannot lead out of the directory it is restored to. */
export function assertPath(path: string): void {
  const sound =
    path.length > 0 &&
    path.isWellFormed() &&
    !path.includes('\0') &&
    path.split('/').every((name) => name !== '' && name !== '.' && name !== '..');
  if (sound) return;
  const reason = `the path ${JSON.stringify(path)} cannot be stored`;
  throw new HoldfastError('INTERNAL', { reason });
}
