import type { Command } from 'commander';
import type { ListResult } from '../operations/contract.ts';
import { newCommand } from './new-command.ts';
import { runConfigured } from './run-command.ts';
import type { Shell } from './shell.ts';
import { snapshotTable } from './snapshot-table.ts';
import { nextSteps } from './table.ts';

export function listCommand(shell: Shell): Command {
  const command = newCommand({
    name: 'list',
    summary: 'the snapshots in the repository, oldest first',
    description: 'Lists the snapshots in the repository, of every source or of one, oldest first.',
    examples: [
      { command: 'holdfast list', says: 'of every source' },
      { command: 'holdfast list main --json', says: 'of one, with every field' },
    ],
  }).argument('[source]', 'the name of a source in holdfast.yaml');
  return command.action((source: string | undefined) =>
    runConfigured(shell, {
      command,
      perform: (context) => shell.operations.list(context, source === undefined ? {} : { source }),
      render,
    }),
  );
}

function render({ snapshots }: ListResult): string {
  if (snapshots.length > 0) return snapshotTable(snapshots);
  return `There is no snapshot yet.\n${nextSteps(['holdfast backup'])}`;
}
