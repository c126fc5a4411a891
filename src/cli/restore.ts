import path from 'node:path';
import type { Command } from 'commander';
import type { RestoreRequest, RestoreResult } from '../operations/contract.ts';
import { localTime } from './local-time.ts';
import { newCommand, usage, wholeNumber } from './new-command.ts';
import { parseTarget, type TargetOptions } from './restore-target.ts';
import { runConfigured } from './run-command.ts';
import type { Shell } from './shell.ts';
import { shortId } from './snapshot-table.ts';
import { facts, nextSteps } from './table.ts';
import { counted, formatBytes, formatSeconds } from './units.ts';

interface RestoreOptions extends TargetOptions {
  readonly to: string;
  readonly timeline?: string;
  readonly start?: boolean;
  readonly port?: string;
  readonly tablespace?: readonly string[];
  readonly dryRun?: boolean;
  readonly despiteFailedVerification?: boolean;
}

export function restoreCommand(shell: Shell): Command {
  const command = newCommand({
    name: 'restore',
    summary: 'bring a source back as it was at any moment held',
    description: `Restores a source into an empty directory, as it was at a time, a position, a transaction, a
restore point or a snapshot; without one of those, at the latest position held. The target is checked before
anything is copied. A running server, or a directory that is not empty, is never touched.`,
    examples: [
      { command: 'holdfast restore main --to /srv/back', says: 'the latest position held' },
      {
        command: 'holdfast restore main --to /srv/back --at "2026-11-21 14:32:07"',
        says: 'a time',
      },
      {
        command: 'holdfast restore main --to /srv/back --at -10m --start',
        says: 'and a server on it',
      },
      {
        command: 'holdfast restore main --to /srv/back --at 14:32:07 --dry-run',
        says: 'only the plan',
      },
    ],
  })
    .argument('<source>', 'the name of a source in holdfast.yaml')
    .requiredOption('--to <directory>', 'where to restore to: absent or empty')
    .option('--at <time>', 'ISO 8601, "2026-11-21 14:32:07", 14:32:07, "10 min ago" or -10m')
    .option('--lsn <position>', 'a position in the write-ahead log, such as 16/B374D848')
    .option('--xid <number>', 'the end of a transaction, which is included')
    .option('--name <restore point>', 'a point made by pg_create_restore_point()')
    .option('--snapshot <id>', 'the moment a snapshot became consistent')
    .option('--latest', 'the latest position held (the default)')
    .option('--timeline <n>', 'which timeline, where a target lies on several')
    .option('--start', 'start a server on it, isolated from production, and replay to the target')
    .option('--port <number>', 'the port of that server; any free one otherwise')
    // Not variadic: that would swallow the source after it.
    .option(
      '--tablespace <old=new>',
      'where to put a tablespace instead of its own place (repeatable)',
      (one: string, before: readonly string[] = []) => [...before, one],
    )
    .option('--dry-run', 'print what would be done, and do nothing')
    .option(
      '--despite-failed-verification',
      'restore a snapshot that a verification found damaged',
    );
  return command.action((source: string, given: RestoreOptions) =>
    runConfigured(shell, {
      command,
      perform: async (context) => {
        const { assumption, ...asked } = parseTarget({
          command,
          given,
          now: shell.host.clock.now(),
        });
        if (assumption) context.onNotice(assumption);
        const request = { source, ...asked, ...parseRest({ shell, command, given }) };
        return shell.operations.restore(context, request);
      },
      render,
    }),
  );
}

function parseRest(options: {
  readonly shell: Shell;
  readonly command: Command;
  readonly given: RestoreOptions;
}): Omit<RestoreRequest, 'source' | 'target' | 'asked'> {
  const { shell, command, given } = options;
  const number = (flag: string, text: string | undefined, most: number) =>
    text === undefined ? undefined : wholeNumber({ command, flag, text, least: 1, most });
  const timeline = number('--timeline', given.timeline, 0xffff_ffff);
  const port = number('--port', given.port, 65535);
  if (port !== undefined && !given.start) throw usage(command, '--port is for --start.');
  return {
    directory: path.resolve(shell.directory, given.to),
    start: given.start === true,
    dryRun: given.dryRun === true,
    despiteFailedVerification: given.despiteFailedVerification === true,
    tablespaces: new Map((given.tablespace ?? []).map((one) => tablespace(shell, command, one))),
    ...(timeline !== undefined && { timeline }),
    ...(port !== undefined && { port }),
  };
}

function tablespace(shell: Shell, command: Command, text: string): [string, string] {
  const at = text.indexOf('=');
  if (at < 1 || at === text.length - 1 || !path.isAbsolute(text)) {
    throw usage(command, `--tablespace must be /its/own/place=/another/place, not "${text}".`);
  }
  return [text.slice(0, at), path.resolve(shell.directory, text.slice(at + 1))];
}

function render(result: RestoreResult): string {
  const { snapshot, log, reached, server, dryRun } = result;
  const title = dryRun
    ? `Would restore ${result.source} to ${result.directory}; nothing was written.`
    : `Restored ${result.source} to ${result.directory}.`;
  const when = reached?.time === undefined ? '' : `, last commit ${localTime(reached.time)}`;
  const early = reached?.stoppedAt === 'covered-end' ? ' (the end of the log held)' : '';
  return `${title}\n${facts([
    ['target', `${result.target} on timeline ${result.timeline}`],
    ['snapshot', `${shortId(snapshot.id)} of ${localTime(snapshot.consistentAt)}`],
    ['log', `${log.fromLsn} to ${log.toLsn}, ${counted(log.segments, 'segment')}`],
    ['size', `${formatBytes(result.bytes)}, ${counted(snapshot.filesTotal, 'file')}`],
    ['reached', reached && `${reached.lsn} on timeline ${reached.timeline}${when}${early}`],
    ['took', dryRun ? undefined : formatSeconds(result.seconds)],
    ['server', server && `pid ${server.pid}, port ${server.port}`],
    ['connect', server?.connect],
    ['stop', server?.stop],
  ])}${nextSteps(result.next)}`;
}
