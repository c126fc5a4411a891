import type { Command } from 'commander';
import type { FollowResult } from '../operations/contract.ts';
import { newCommand } from './new-command.ts';
import { runConfigured } from './run-command.ts';
import type { Shell } from './shell.ts';
import { facts } from './table.ts';
import { formatBytes, formatSeconds } from './units.ts';

export function followCommand(shell: Shell): Command {
  const command = newCommand({
    name: 'follow',
    summary: 'stream the write-ahead log, so that any second can be restored',
    description: `Streams the write-ahead log of a source until it is stopped (Ctrl-C or SIGTERM). Log is
made durable in the journal, acknowledged, and stored in the repository. Stopping it loses nothing: it
goes on from where it was.`,
    examples: [
      { command: 'holdfast follow', says: 'the only source there is' },
      { command: 'holdfast follow main --quiet', says: 'as a service: says only what is wrong' },
    ],
  }).argument('[source]', 'the name of a source in holdfast.yaml');
  return command.action((source: string | undefined) =>
    runConfigured(shell, {
      command,
      perform: (context) =>
        shell.operations.follow(context, source === undefined ? {} : { source }),
      render,
    }),
  );
}

function render(result: FollowResult): string {
  const seconds = (Date.parse(result.stoppedAt) - Date.parse(result.startedAt)) / 1000;
  const { startLsn, flushedLsn, storedLsn, timeline } = result;
  return `Stopped following ${result.source} after ${formatSeconds(seconds)}.\n${facts([
    ['log', `${startLsn} to ${flushedLsn} on timeline ${timeline}, ${formatBytes(result.bytes)}`],
    [
      'stored',
      storedLsn === flushedLsn ? 'all of it' : `up to ${storedLsn}; the rest is in the journal`,
    ],
    ['reconnects', result.reconnects > 0 ? String(result.reconnects) : undefined],
  ])}`;
}
