import path from 'node:path';
import type { Command } from 'commander';
import type { Endpoint } from '../config/config.ts';
import { configFile } from '../config/load-config.ts';
import type { InitRequest, InitResult } from '../operations/contract.ts';
import { addKeyOptions, describeKey, type KeyOptions, parseKeyOptions } from './key-options.ts';
import { newCommand, usage, wholeNumber } from './new-command.ts';
import { runCommand } from './run-command.ts';
import type { GlobalOptions, Shell } from './shell.ts';
import { facts, nextSteps } from './table.ts';

interface InitOptions extends KeyOptions {
  readonly location?: string;
  readonly source?: string;
  readonly host?: string;
  readonly socket?: string;
  readonly port?: string;
  readonly user?: string;
  readonly database?: string;
  readonly allowUnsafeStore?: boolean;
}

export function initCommand(shell: Shell): Command {
  const command = newCommand({
    name: 'init',
    summary: 'write holdfast.yaml, create the repository and its key',
    description: `Writes holdfast.yaml (unless it is there), creates the repository and its key, and says what it
found. Nothing that exists is overwritten; running it again is safe.`,
    examples: [
      { command: 'holdfast init', says: 'a repository here, for the PostgreSQL of this machine' },
      { command: 'holdfast init --location /srv/holdfast --host db1', says: 'both named' },
      { command: 'holdfast init --passphrase-file /etc/holdfast/passphrase', says: 'no key file' },
    ],
  })
    .option('--location <directory>', 'where the repository goes')
    .option('--source <name>', 'the name of the first source')
    .option('--host <name>', 'the host its PostgreSQL runs on')
    .option('--socket <directory>', 'the directory of its Unix socket')
    .option('--port <number>', 'its port')
    .option('--user <name>', 'the role to connect as; it needs REPLICATION')
    .option('--database <name>', 'the database to connect to')
    .option(
      '--allow-unsafe-store',
      'accept a store on which two writers could overwrite each other',
    );
  return addKeyOptions(command).action((given: InitOptions) =>
    runCommand(shell, {
      command,
      perform: async (context) => shell.operations.init(context, request(shell, command, given)),
      render,
    }),
  );
}

function request(shell: Shell, command: Command, given: InitOptions): InitRequest {
  const { directory, environment } = shell;
  const { config: named } = command.optsWithGlobals<GlobalOptions>();
  const key = parseKeyOptions({ command, given, directory });
  const at = endpoint(shell, command, given);
  return {
    configFile: configFile({ named, environment, directory }),
    allowUnsafeStore: given.allowUnsafeStore === true,
    ...(given.location !== undefined && { location: path.resolve(directory, given.location) }),
    ...(key && { key }),
    ...(given.source !== undefined && { sourceName: given.source }),
    ...(at && { endpoint: at }),
    ...(given.user !== undefined && { user: given.user }),
    ...(given.database !== undefined && { database: given.database }),
  };
}

function endpoint(shell: Shell, command: Command, given: InitOptions): Endpoint | undefined {
  const { host, socket, port: text = '5432' } = given;
  const port = wholeNumber({ command, flag: '--port', text, least: 1, most: 65535 });
  if (host !== undefined && socket !== undefined) {
    throw usage(command, 'Give --host or --socket, not both.');
  }
  // As psql takes it: a host that begins with a slash is a socket's directory.
  const directory = socket ?? (host?.startsWith('/') ? host : undefined);
  if (directory !== undefined) {
    return { kind: 'socket', directory: path.resolve(shell.directory, directory), port };
  }
  if (host !== undefined) return { kind: 'tcp', host, port };
  return given.port === undefined ? undefined : { kind: 'tcp', host: 'localhost', port };
}

function render(result: InitResult): string {
  const { repository, key } = result;
  const made = (yes: boolean) => (yes ? 'created' : 'was there');
  const lines = facts([
    ['configuration', `${result.configFile} (${result.configWritten ? 'written' : 'was there'})`],
    ['repository', `${repository.location} (${made(repository.created)}, ${repository.id})`],
    ['key', `${describeKey(key)} (${made(key.created)})`],
  ]);
  const found = result.found.map((sentence) => `  ${sentence}\n`).join('');
  const keep = key.created
    ? `\nKeep a copy of ${key.kind === 'passphrase-env' ? 'the passphrase' : key.path} somewhere else: without it nothing can be restored.\n`
    : '';
  return `${lines}${found && `\nFound:\n${found}`}${keep}${nextSteps(result.next)}`;
}
