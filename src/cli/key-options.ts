import path from 'node:path';
import type { Command } from 'commander';
import type { KeySource } from '../config/config.ts';
import { usage } from './new-command.ts';

export interface KeyOptions {
  readonly keyFile?: string;
  readonly passphraseFile?: string;
  readonly passphraseEnv?: string;
}

export function addKeyOptions(command: Command): Command {
  return command
    .option('--key-file <path>', 'a key file; it is created')
    .option('--passphrase-file <path>', 'a file that holds a passphrase')
    .option('--passphrase-env <name>', 'an environment variable that holds a passphrase');
}

/** At most one; undefined when none is given. The secret itself is never on the command line. */
export function parseKeyOptions(options: {
  readonly command: Command;
  readonly given: KeyOptions;
  readonly directory: string;
}): KeySource | undefined {
  const { command, given, directory } = options;
  const sources: KeySource[] = [];
  if (given.keyFile !== undefined) {
    sources.push({ kind: 'key-file', path: path.resolve(directory, given.keyFile) });
  }
  if (given.passphraseFile !== undefined) {
    sources.push({ kind: 'passphrase-file', path: path.resolve(directory, given.passphraseFile) });
  }
  if (given.passphraseEnv !== undefined) {
    sources.push({ kind: 'passphrase-env', name: given.passphraseEnv });
  }
  if (sources.length > 1) {
    throw usage(command, 'Give one of --key-file, --passphrase-file and --passphrase-env.');
  }
  return sources[0];
}

/** For people: where the secret is. */
export function describeKey(key: KeySource): string {
  if (key.kind === 'passphrase-env') return `passphrase in the environment variable ${key.name}`;
  return `${key.kind === 'key-file' ? 'key file' : 'passphrase in'} ${key.path}`;
}
