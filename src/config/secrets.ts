import { HoldfastError } from '../errors/holdfast-error.ts';
import type { Host } from '../host/host.ts';
import type { KeySource } from './config.ts';
import type { Environment } from './environment.ts';
import type { Warning } from './warning.ts';

export interface Secret<Value> {
  readonly value: Value;
  readonly warnings: readonly Warning[];
}

export type SecretPlace =
  | { readonly kind: 'file'; readonly path: string }
  | { readonly kind: 'env'; readonly name: string };

/** What opens a repository; the shape of repository.ts's `Unlock`. */
export type UnlockSecret =
  | { readonly kind: 'passphrase'; readonly passphrase: string }
  | { readonly kind: 'key-file'; readonly key: Buffer };

/**
 * One line of text from a file or an environment variable, without its line end. `purpose` names
 * it in errors: "password of source main". SECRET_UNSET, SECRET_UNREADABLE or SECRET_EMPTY.
 */
export async function readSecret(options: {
  readonly place: SecretPlace;
  readonly purpose: string;
  readonly host: Host;
  readonly environment: Environment;
}): Promise<Secret<string>> {
  const { place, purpose, host, environment } = options;
  if (place.kind === 'env') {
    const value = environment[place.name];
    if (value === undefined) throw new HoldfastError('SECRET_UNSET', { name: place.name, purpose });
    if (value === '') throw new HoldfastError('SECRET_EMPTY', { place: place.name, purpose });
    return { value, warnings: [] };
  }
  const { text, warnings } = await readSecretFile({ path: place.path, purpose, host });
  const value = text.replace(/\r?\n$/, '');
  if (value === '') throw new HoldfastError('SECRET_EMPTY', { place: place.path, purpose });
  return { value, warnings };
}

/** The secret that unlocks the repository. A key file holds 32 random bytes in base64. */
export async function readUnlock(options: {
  readonly key: KeySource;
  readonly host: Host;
  readonly environment: Environment;
}): Promise<Secret<UnlockSecret>> {
  const { key, host, environment } = options;
  const place: SecretPlace =
    key.kind === 'passphrase-env'
      ? { kind: 'env', name: key.name }
      : { kind: 'file', path: key.path };
  const purpose = key.kind === 'key-file' ? 'repository key' : 'repository passphrase';
  const { value, warnings } = await readSecret({ place, purpose, host, environment });
  if (key.kind !== 'key-file') {
    return { value: { kind: 'passphrase', passphrase: value }, warnings };
  }
  return { value: { kind: 'key-file', key: decodeKey(value, key.path) }, warnings };
}

function decodeKey(text: string, path: string): Buffer {
  const bare = text.trim();
  const bytes = Buffer.from(bare, 'base64');
  if (bytes.length !== 32 || bytes.toString('base64') !== bare) {
    throw new HoldfastError('SECRET_MALFORMED', {
      purpose: 'repository key',
      place: path,
      reason: 'it does not hold 32 bytes in base64',
    });
  }
  return bytes;
}

async function readSecretFile(options: {
  readonly path: string;
  readonly purpose: string;
  readonly host: Host;
}): Promise<{ readonly text: string; readonly mode: number; readonly warnings: Warning[] }> {
  const { path, purpose, host } = options;
  try {
    const { mode } = await host.fs.promises.stat(path);
    const text = await host.fs.promises.readFile(path, 'utf8');
    const warning = {
      message: `Every user of this machine can read the ${purpose} in ${path}.`,
      hint: `chmod 600 ${path}`,
    };
    return { text, mode, warnings: mode & 0o004 ? [warning] : [] };
  } catch (cause) {
    const reason = (cause as Error).message;
    throw new HoldfastError('SECRET_UNREADABLE', { path, purpose, reason }, { cause });
  }
}
