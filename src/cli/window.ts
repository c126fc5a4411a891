import type { Command } from 'commander';
import type { TimelineRanges, WindowResult } from '../operations/contract.ts';
import { localTime } from './local-time.ts';
import { newCommand } from './new-command.ts';
import { runConfigured } from './run-command.ts';
import type { Shell } from './shell.ts';
import { shortId } from './snapshot-table.ts';

export function windowCommand(shell: Shell): Command {
  const command = newCommand({
    name: 'window',
    summary: 'what can be restored: the ranges of each timeline, and their gaps',
    description: `Shows every range of time that can be restored, for each timeline of each cluster a source has
been, with the gaps between them. Any second of a range restores.`,
    examples: [
      { command: 'holdfast window', says: 'the only source there is' },
      { command: 'holdfast window main --json', says: 'for a monitor' },
    ],
  }).argument('[source]', 'the name of a source in holdfast.yaml');
  return command.action((source: string | undefined) =>
    runConfigured(shell, {
      command,
      perform: (context) =>
        shell.operations.window(context, source === undefined ? {} : { source }),
      render,
    }),
  );
}

function render({ source, lineages }: WindowResult): string {
  const known = lineages.filter(({ timelines }) => timelines.length > 0);
  if (known.length === 0) {
    return `Nothing of ${source} can be restored yet: it needs a snapshot (holdfast backup ${source}).\n`;
  }
  return known
    .map(({ systemIdentifier, timelines }) =>
      [`${source}, system identifier ${systemIdentifier}`, ...timelines.flatMap(timelineLines)]
        .map((line) => `${line}\n`)
        .join(''),
    )
    .join('\n');
}

function timelineLines({ timeline, ranges, gaps }: TimelineRanges): string[] {
  return [
    `  timeline ${timeline}`,
    ...ranges.flatMap(({ from, to, snapshot }, at) => {
      const times = `${localTime(from.time)}  to  ${localTime(to.time)}`;
      const gap = gaps[at];
      return [
        `    ${times}  (${from.lsn} to ${to.lsn}, from snapshot ${shortId(snapshot)})`,
        ...(gap
          ? [`    gap: ${gap.fromLsn} to ${gap.toLsn}, segment ${gap.segment} is missing`]
          : []),
      ];
    }),
    ...(ranges.length === 0 ? ['    nothing'] : []),
  ];
}
