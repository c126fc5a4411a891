import { HoldfastError } from '../../errors/holdfast-error.ts';
import type { Random } from '../../host/random.ts';

/** A key file is one line: 32 random bytes in base64. */
export function newKeyFile(random: Random): string {
  return `${random.bytes(32).toString('base64')}\n`;
}

/** KEY_WEAK unless the text is exactly what `newKeyFile` makes, white space around it aside. */
export function parseKeyFile(text: string): Buffer {
  const line = text.trim();
  const key = Buffer.from(line, 'base64');
  if (key.length !== 32 || key.toString('base64') !== line) {
    const reason = 'it is not 32 bytes in base64.';
    throw new HoldfastError('KEY_WEAK', { kind: 'key file', reason });
  }
  return key;
}
