import type { Random } from '../../host/random.ts';

/** The text of a new key file: one line, 32 random bytes in base64. Reading one is config's. */
export function newKeyFile(random: Random): string {
  return `${random.bytes(32).toString('base64')}\n`;
}
