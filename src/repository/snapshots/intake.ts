/** Takes the bytes of one captured file, in order. */
export interface Intake {
  /** `bytes` are borrowed. */
  write(bytes: Uint8Array): void;
  /** A promise while bytes are still on their way to the frames. */
  end(): Promise<void> | undefined;
}

const ZEROES = Buffer.alloc(64 * 1024);

export function isZero(page: Buffer): boolean {
  // Pages in use begin with a position in the log: nearly always settled by the first bytes.
  if (page[0] !== 0 || page[4] !== 0) return false;
  for (let at = 0; at < page.length; at += ZEROES.length) {
    const part = page.subarray(at, at + ZEROES.length);
    if (!part.equals(ZEROES.subarray(0, part.length))) return false;
  }
  return true;
}
