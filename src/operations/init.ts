import { basename, dirname, join, resolve } from 'node:path';
import type { Config, Endpoint, KeySource } from '../config/config.ts';
import { loadConfig } from '../config/load-config.ts';
import { parseConfig } from '../config/parse-config.ts';
import type { Warning } from '../config/warning.ts';
import { writeConfig } from '../config/write-config.ts';
import { isHoldfastError } from '../errors/holdfast-error.ts';
import type { Context, InitRequest, InitResult } from './contract.ts';
import { createFile } from './create-file.ts';
import { FALLBACK, postgresPlaces } from './find-postgres.ts';
import { prepareRepository } from './init-repository.ts';
import { firstAnswering, inspectSource } from './init-source.ts';

const DIRECTORY = 'holdfast-repository';
const KEY_FILE = 'holdfast.key';
const SOURCE = 'main';
const USER = 'holdfast';
const DATABASE = 'postgres';

/**
 * The key first, then the repository, then holdfast.yaml: whatever was interrupted goes on when it
 * is run again, and what is there already stays as it is.
 */
export async function init(context: Context, request: InitRequest): Promise<InitResult> {
  const { host } = context;
  const { configFile } = request;
  const existing = await loadIfThere(context, configFile);
  const text = existing ? undefined : await newConfig(context, request);
  const config = existing ?? parseConfig({ file: configFile, text: text ?? '' });
  const { location, key } = config.repository;
  const made = await prepareRepository({
    context,
    location,
    key,
    allowUnsafeStore: request.allowUnsafeStore,
  });
  const written =
    text !== undefined &&
    (await createFile({ host, path: configFile, text, mode: 0o644 })) === 'created';

  const found: string[] = [];
  const warnings: Warning[] = [...made.warnings];
  if (existing) warnings.push(...ignoredOptions(request));
  if (existing && made.rootCreated) warnings.push(newDirectory(location));
  for (const source of config.sources) {
    const seen = await inspectSource({ context, config: source });
    const prefix = config.sources.length > 1 ? `${source.name}: ` : '';
    found.push(...seen.found.map((sentence) => `${prefix}${sentence}`));
    warnings.push(...seen.warnings);
  }
  return {
    configFile,
    configWritten: written,
    repository: { id: made.id, location, created: made.created },
    key: { ...key, created: made.keyCreated },
    found,
    warnings,
    next: nextCommands(context, config),
  };
}

async function loadIfThere({ host }: Context, file: string): Promise<Config | undefined> {
  try {
    return await loadConfig({ file, host });
  } catch (error) {
    if (isHoldfastError(error, 'CONFIG_ABSENT')) return undefined;
    throw error;
  }
}

async function newConfig(context: Context, request: InitRequest): Promise<string> {
  const directory = dirname(request.configFile);
  const location = request.location ?? join(directory, DIRECTORY);
  const key: KeySource = request.key ?? { kind: 'key-file', path: join(directory, KEY_FILE) };
  const source = {
    name: request.sourceName ?? SOURCE,
    user: request.user ?? USER,
    database: request.database ?? DATABASE,
  };
  const write = (hosts: readonly Endpoint[]) =>
    writeConfig({ location, key, source: { ...source, hosts } });
  if (request.endpoint) return write([request.endpoint]);
  const draft = parseConfig({ file: request.configFile, text: write([FALLBACK]) });
  const places = await postgresPlaces(context);
  const [config] = draft.sources;
  const found = config && (await firstAnswering({ context, config, places }));
  return write([found ?? FALLBACK]);
}

function ignoredOptions(request: InitRequest): Warning[] {
  const given = [
    request.location !== undefined && '--location',
    request.key !== undefined && 'the key',
    request.sourceName !== undefined && '--source',
    request.endpoint !== undefined && 'the address',
    request.user !== undefined && '--user',
    request.database !== undefined && '--database',
  ].filter((name) => name !== false);
  if (given.length === 0) return [];
  const { configFile } = request;
  return [
    {
      message: `${configFile} was there and is used as it is, so ${given.join(', ')} on the command line changed nothing.`,
      hint: `Change it in ${configFile}, or write another file: holdfast --config <file> init`,
    },
  ];
}

/** The configuration was there and its directory was not: the volume may just not be mounted. */
const newDirectory = (location: string): Warning => ({
  message: `${location} did not exist and was created.`,
  hint: `If it should be on a volume that is not mounted now: rm -r ${basename(location)} there, mount the volume, and run holdfast init again.`,
});

function nextCommands({ environment }: Context, { file, sources }: Config): string[] {
  const plain = resolve(environment.HOLDFAST_CONFIG || 'holdfast.yaml') === file;
  const holdfast = plain ? 'holdfast' : `holdfast --config ${file}`;
  const name = sources.length > 1 ? ` ${sources[0]?.name}` : '';
  return [`${holdfast} doctor`, `${holdfast} backup${name}`, `${holdfast} follow${name}`];
}
