import path from 'node:path';
import type { Command } from 'commander';
import type { WalPushResult } from '../operations/contract.ts';
import { newCommand } from './new-command.ts';
import { runConfigured } from './run-command.ts';
import type { Shell } from './shell.ts';
import { counted } from './units.ts';

export function walPushCommand(shell: Shell): Command {
  const command = newCommand({
    name: 'wal-push',
    summary: 'for archive_command: store a finished log segment',
    description: `Stores one file of the write-ahead log, for PostgreSQL's archive_command. It exits with 0 only
when the file is durable in the repository; a file that is there already with the same content is success.`,
    examples: [
      {
        command: "archive_command = 'holdfast --config /etc/holdfast.yaml wal-push %p'",
        says: 'in postgresql.conf',
      },
    ],
  })
    .argument('<file>', 'the file: %p')
    .option('--source <name>', 'the source it belongs to, where there are several');
  return command.action((file: string, given: { readonly source?: string }) =>
    runConfigured(shell, {
      command,
      perform: (context) =>
        shell.operations.walPush(context, {
          file: path.resolve(shell.directory, file),
          ...(given.source !== undefined && { source: given.source }),
        }),
      render: ({ stored, already }: WalPushResult) =>
        `${counted(stored.length, 'file')} stored, ${already.length} already there.\n`,
    }),
  );
}
