import path from 'node:path';
import { type Command, Option } from 'commander';
import type { KeySource } from '../config/config.ts';
import type { KeyAddResult, KeyListResult, KeyRole } from '../operations/contract.ts';
import { addKeyOptions, describeKey, type KeyOptions, parseKeyOptions } from './key-options.ts';
import { localTime } from './local-time.ts';
import { newCommand, usage } from './new-command.ts';
import { runConfigured } from './run-command.ts';
import type { Shell } from './shell.ts';
import { table } from './table.ts';

export function keyCommand(shell: Shell): Command {
  const command = newCommand({
    name: 'key',
    summary: 'the keys that open the repository: list them, add one',
    description: `A repository opens with any of its keys. A full key reads everything. A writer key takes
backups and follows, but cannot decrypt page data: for a database host that must not be able to.`,
    examples: [
      { command: 'holdfast key list', says: 'which keys there are' },
      {
        command: 'holdfast key add --key-file /media/safe/holdfast.key',
        says: 'a second full key',
      },
    ],
  });
  return command.addCommand(keyList(shell)).addCommand(keyAdd(shell));
}

interface AddOptions extends KeyOptions {
  readonly role: KeyRole;
  readonly label?: string;
}

function keyAdd(shell: Shell): Command {
  const command = newCommand({
    name: 'add',
    summary: 'add a key: a new key file, or a passphrase',
    description: 'Adds a key to the repository. It needs a full key in holdfast.yaml to do so.',
    examples: [
      { command: 'holdfast key add --key-file spare.key', says: 'a key file is created' },
      { command: 'holdfast key add --role writer --key-file db1.key', says: 'for a database host' },
      { command: 'holdfast key add --passphrase-file phrase', says: 'a passphrase is read' },
    ],
  }).addOption(
    new Option('--role <role>', 'what the key may do').choices(['full', 'writer']).default('full'),
  );
  command.option('--label <text>', 'a name for people, shown by key list');
  return addKeyOptions(command).action((given: AddOptions) =>
    runConfigured(shell, {
      command,
      perform: async (context) => {
        const key = parseKeyOptions({ command, given, directory: shell.directory });
        if (!key) {
          throw usage(command, 'Say which: --key-file, --passphrase-file or --passphrase-env.');
        }
        return shell.operations.keyAdd(context, {
          role: given.role,
          key,
          label: given.label ?? plainLabel(key),
        });
      },
      render: ({ id, role, key }: KeyAddResult) =>
        `Added ${role} key ${id}: ${describeKey(key)}${key.created ? ' (created)' : ''}.\n`,
    }),
  );
}

/** Labels lie in the repository unencrypted: no paths of this machine. */
function plainLabel(key: KeySource): string {
  return key.kind === 'key-file' ? path.basename(key.path) : 'passphrase';
}

function keyList(shell: Shell): Command {
  const command = newCommand({
    name: 'list',
    summary: 'list the keys',
    description: 'Lists the keys that open the repository. The secrets themselves are not in it.',
    examples: [{ command: 'holdfast key list', says: 'one line a key' }],
  });
  return command.action(() =>
    runConfigured(shell, {
      command,
      perform: (context) => shell.operations.keyList(context),
      render: ({ keys }: KeyListResult) =>
        table(
          [
            { title: 'KEY', value: ({ id }) => id },
            { title: 'KIND', value: ({ kind }) => kind },
            { title: 'ROLE', value: ({ role }) => role },
            { title: 'CREATED', value: ({ created }) => localTime(created) },
            { title: 'LABEL', value: ({ label }) => label },
          ],
          keys,
        ),
    }),
  );
}
