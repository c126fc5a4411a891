import type { Command } from 'commander';
import type { ShowResult } from '../operations/contract.ts';
import { localTime } from './local-time.ts';
import { newCommand } from './new-command.ts';
import { snapshotId } from './restore-target.ts';
import { runConfigured } from './run-command.ts';
import type { Shell } from './shell.ts';
import { METHOD, shortId } from './snapshot-table.ts';
import { facts, nextSteps } from './table.ts';
import { counted, formatBytes, formatCount } from './units.ts';

export function showCommand(shell: Shell): Command {
  const command = newCommand({
    name: 'show',
    summary: 'all that is known of one snapshot',
    description: 'Shows all that is known of one snapshot, and the commands that use it.',
    examples: [{ command: 'holdfast show 3f9c02ab', says: 'the first digits are enough' }],
  }).argument('<snapshot>', 'an id from holdfast list, or its first digits');
  return command.action((snapshot: string) =>
    runConfigured(shell, {
      command,
      perform: async (context) =>
        shell.operations.show(context, { snapshot: snapshotId(command, snapshot) }),
      render,
    }),
  );
}

function render(result: ShowResult): string {
  const { snapshot, tablespaces, checksumFailures } = result;
  const checksums = result.dataChecksums ? 'on' : 'off';
  const places = tablespaces.map(({ oid, location }) => `${location} (${oid})`).join(', ');
  return `${facts([
    ['snapshot', snapshot.id],
    ['source', snapshot.source],
    ['lineage', snapshot.lineage],
    [
      'server',
      `PostgreSQL ${snapshot.serverVersion}, system identifier ${result.systemIdentifier}`,
    ],
    ['taken from', `a ${result.capturedFrom}`],
    ['method', METHOD[snapshot.method]],
    ['parent', snapshot.parent && shortId(snapshot.parent)],
    ['started', localTime(snapshot.startedAt)],
    ['restorable', `from ${localTime(snapshot.consistentAt)} on`],
    ['log', `${snapshot.startLsn} to ${snapshot.stopLsn} on timeline ${snapshot.timeline}`],
    ['size', `${formatBytes(snapshot.bytesTotal)} in ${counted(snapshot.filesTotal, 'file')}`],
    ['stored', `${formatBytes(snapshot.bytesStored)} new, ${counted(result.packs, 'pack')} used`],
    ['checksums', checksums],
    [
      'damaged',
      checksumFailures > 0
        ? `${formatCount(checksumFailures)} pages were damaged on the server when it was taken`
        : undefined,
    ],
    ['tablespaces', places || undefined],
  ])}${nextSteps(result.next)}`;
}
