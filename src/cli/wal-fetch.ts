import path from 'node:path';
import type { Command } from 'commander';
import { EXIT_CODE } from '../errors/kind.ts';
import type { WalFetchResult } from '../operations/contract.ts';
import { newCommand } from './new-command.ts';
import { runConfigured } from './run-command.ts';
import type { Shell } from './shell.ts';

/**
 * PostgreSQL takes 1 to 125 from restore_command as "not in the archive", ends recovery and goes
 * live without the rest. So only the repository's own "absent" may exit that low; every error,
 * even a wrong command line, exits above 125, which stops the server with a message instead.
 */
export const walFetchExitCode = (code: number): number => (code > 125 ? code : 200 + code);

export function walFetchCommand(shell: Shell): Command {
  const command = newCommand({
    name: 'wal-fetch',
    summary: 'for restore_command: fetch a log segment',
    description: `Fetches one file of the write-ahead log, for PostgreSQL's restore_command. Exit code 0: it is
there. ${EXIT_CODE.absent}: the repository does not hold it. 200 and more: it could not be asked, and recovery must not go on.`,
    examples: [
      {
        command: "restore_command = 'holdfast --config /etc/holdfast.yaml wal-fetch %f %p'",
        says: 'in postgresql.conf',
      },
    ],
  })
    .argument('<name>', 'the name of the file: %f')
    .argument('<file>', 'where to put it: %p')
    .option('--source <name>', 'the source it belongs to, where there are several');
  return command.action((name: string, file: string, given: { readonly source?: string }) =>
    runConfigured(shell, {
      command,
      perform: (context) =>
        shell.operations.walFetch(context, {
          name,
          file: path.resolve(shell.directory, file),
          ...(given.source !== undefined && { source: given.source }),
        }),
      render: ({ status }: WalFetchResult) =>
        status === 'fetched' ? '' : `${name} is not in the repository.\n`,
      exitCode: ({ status }) => (status === 'fetched' ? 0 : EXIT_CODE.absent),
      errorExitCode: walFetchExitCode,
    }),
  );
}
