import type { Command } from 'commander';
import type { BackupResult } from '../operations/contract.ts';
import { localTime } from './local-time.ts';
import { newCommand } from './new-command.ts';
import { runConfigured } from './run-command.ts';
import type { Shell } from './shell.ts';
import { METHOD } from './snapshot-table.ts';
import { facts } from './table.ts';
import { counted, formatBytes, formatCount, formatSeconds } from './units.ts';

export function backupCommand(shell: Shell): Command {
  const command = newCommand({
    name: 'backup',
    summary: 'take a snapshot: full the first time, incremental after',
    description: `Takes one snapshot of a source. The first is full; later ones store only the pages that changed.
Every snapshot restores as a full one, and deleting one never affects another.`,
    examples: [
      { command: 'holdfast backup', says: 'the only source there is' },
      { command: 'holdfast backup main --json', says: 'for a script: one JSON document' },
    ],
  })
    .argument('[source]', 'the name of a source in holdfast.yaml')
    .option('--full', 'read and store everything, as the first time');
  return command.action((source: string | undefined, given: { readonly full?: boolean }) =>
    runConfigured(shell, {
      command,
      perform: (context) =>
        shell.operations.backup(context, {
          full: given.full === true,
          ...(source !== undefined && { source }),
        }),
      render,
    }),
  );
}

function render(result: BackupResult): string {
  const { snapshot, capturedFrom, seconds, bytesRead } = result;
  const rate = seconds > 0 ? `, ${formatBytes(bytesRead / seconds)}/s` : '';
  const pages = `${formatCount(result.pagesStored)} stored, ${formatCount(result.pagesShared)} shared`;
  return `Snapshot ${snapshot.id} is in the repository.\n${facts([
    ['source', `${snapshot.source}, PostgreSQL ${snapshot.serverVersion}`],
    ['from', `${capturedFrom.address} (${capturedFrom.role})`],
    ['method', `${METHOD[snapshot.method]} (${result.reason})`],
    ['cluster', result.newLineage ? 'a new one: this snapshot begins a new lineage' : undefined],
    ['restorable', `from ${localTime(snapshot.consistentAt)} on`],
    ['read', `${formatBytes(bytesRead)} in ${formatSeconds(seconds)}${rate}`],
    ['stored', `${formatBytes(snapshot.bytesStored)} in ${counted(result.packs, 'pack')}`],
    ['pages', pages],
    ['restores to', `${formatBytes(snapshot.bytesTotal)}, ${counted(snapshot.filesTotal, 'file')}`],
  ])}`;
}
