import path from 'node:path';
import { HoldfastError } from '../errors/holdfast-error.ts';
import type { Host } from '../host/host.ts';
import type { Config, SourceConfig } from './config.ts';
import { didYouMean } from './did-you-mean.ts';
import type { Environment } from './environment.ts';
import { parseConfig } from './parse-config.ts';

/** The file a command uses: --config, else HOLDFAST_CONFIG, else holdfast.yaml here. Absolute. */
export function configFile(options: {
  readonly named?: string | undefined;
  readonly environment: Environment;
  readonly directory: string;
}): string {
  const name = options.named || options.environment.HOLDFAST_CONFIG || 'holdfast.yaml';
  return path.resolve(options.directory, name);
}

/** CONFIG_ABSENT, CONFIG_UNREADABLE or CONFIG_INVALID when it cannot. */
export async function loadConfig({ file, host }: { file: string; host: Host }): Promise<Config> {
  let bytes: Buffer;
  try {
    bytes = await host.fs.promises.readFile(file);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') {
      throw new HoldfastError('CONFIG_ABSENT', { file }, { cause });
    }
    throw new HoldfastError(
      'CONFIG_UNREADABLE',
      { file, reason: (cause as Error).message },
      { cause },
    );
  }
  return parseConfig({ file, text: decode(file, bytes) });
}

function decode(file: string, bytes: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    const reason = 'the file is not UTF-8 text';
    throw new HoldfastError('CONFIG_INVALID', { file, line: 1, reason }, { cause });
  }
}

/**
 * The source a command works on: the one named, or the only one there is. `command` is the command
 * as typed, for the hint: `holdfast backup <source>`.
 */
export function chooseSource(options: {
  readonly config: Config;
  readonly name?: string | undefined;
  readonly command: string;
}): SourceConfig {
  const { config, name, command } = options;
  const names = config.sources.map((source) => source.name);
  if (name === undefined) {
    if (config.sources.length === 1) return config.sources[0]!;
    throw new HoldfastError('SOURCE_UNNAMED', {
      file: config.file,
      known: names.join(', '),
      command: `${command} ${names[0]}`,
    });
  }
  const found = config.sources.find((source) => source.name === name);
  if (found) return found;
  const near = didYouMean(name, names);
  throw new HoldfastError('SOURCE_UNKNOWN', {
    file: config.file,
    source: name,
    known: names.join(', ') + (near ? ` (did you mean ${near}?)` : ''),
  });
}
