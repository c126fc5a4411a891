import type { Command } from 'commander';
import type { DeleteResult } from '../operations/contract.ts';
import { localTime } from './local-time.ts';
import { newCommand } from './new-command.ts';
import { snapshotId } from './restore-target.ts';
import { runConfigured } from './run-command.ts';
import type { Shell } from './shell.ts';
import { counted, formatBytes } from './units.ts';

export function deleteCommand(shell: Shell): Command {
  const command = newCommand({
    name: 'delete',
    summary: 'remove a snapshot; no other one is affected',
    description: `Removes a snapshot and the objects only it uses. Every other snapshot still restores. Restorable
ranges that begin with it are lost: holdfast window shows them.`,
    examples: [
      { command: 'holdfast delete 3f9c02ab --dry-run', says: 'what would be freed' },
      { command: 'holdfast delete 3f9c02ab', says: 'there is no way back' },
    ],
  })
    .argument('<snapshot>', 'an id from holdfast list, or its first digits')
    .option('--dry-run', 'say what would be removed, and remove nothing');
  return command.action((snapshot: string, given: { readonly dryRun?: boolean }) =>
    runConfigured(shell, {
      command,
      perform: async (context) =>
        shell.operations.deleteSnapshot(context, {
          snapshot: snapshotId(command, snapshot),
          dryRun: given.dryRun === true,
        }),
      render,
    }),
  );
}

function render({ snapshot, dryRun, objects, bytes }: DeleteResult): string {
  const what = `snapshot ${snapshot.id} of ${snapshot.source} (${localTime(snapshot.consistentAt)})`;
  const freed = `${counted(objects, 'object')}, ${formatBytes(bytes)}`;
  return dryRun ? `Would delete ${what}: ${freed}.\n` : `Deleted ${what}: ${freed}.\n`;
}
