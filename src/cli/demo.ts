import type { Command } from 'commander';
import { EXIT_CODE } from '../errors/kind.ts';
import type { DemoRestore, DemoResult } from '../operations/contract.ts';
import { newCommand } from './new-command.ts';
import { runCommand } from './run-command.ts';
import type { Shell } from './shell.ts';
import { METHOD, shortId } from './snapshot-table.ts';
import { facts } from './table.ts';
import { formatBytes, formatCount, formatSeconds } from './units.ts';

export function demoCommand(shell: Shell): Command {
  const command = newCommand({
    name: 'demo',
    summary: 'all of it on a throw-away PostgreSQL, in under a minute',
    description: `Starts a throw-away PostgreSQL, writes to it, takes snapshots while following its log, destroys it,
restores it twice and checks the result. It needs no configuration and removes what it made. A failed check
ends it with exit code ${EXIT_CODE.unproven}.`,
    examples: [
      { command: 'holdfast demo', says: 'watch it' },
      { command: 'holdfast demo --json', says: 'the measured result' },
    ],
  }).option('--keep', 'keep the directory and say where it is');
  return command.action((given: { readonly keep?: boolean }) =>
    runCommand(shell, {
      command,
      perform: (context) => shell.operations.demo(context, { keep: given.keep === true }),
      render,
      exitCode: ({ ok }) => (ok ? 0 : EXIT_CODE.unproven),
    }),
  );
}

function render(result: DemoResult): string {
  const { commitsAcknowledged: kept, commitsLost: lost } = result;
  const snapshots = result.snapshots.map(
    ({ id, method, bytesTotal, bytesStored }) =>
      `  ${shortId(id)}  ${METHOD[method]}, ${formatBytes(bytesTotal)}, ${formatBytes(bytesStored)} stored\n`,
  );
  const phases = Object.entries(result.phases).map(
    ([name, seconds]) => [`  ${name}`, formatSeconds(seconds)] as const,
  );
  return `PostgreSQL ${result.version}
Snapshots:
${snapshots.join('')}Restores:
${result.restores.map(restoreLines).join('')}Phases:
${facts(phases)}
${facts([
  ['commits', `${formatCount(kept)} acknowledged, ${formatCount(lost)} lost`],
  ['proof level', result.proofLevel],
  ['kept in', result.directory],
])}${result.ok ? 'Everything was restored and checked.' : 'A CHECK FAILED: see above.'}
`;
}

function restoreLines({ target, reached, seconds, checks }: DemoRestore): string {
  const failed = checks.filter(({ ok }) => !ok);
  const names = checks.filter(({ ok }) => ok).map(({ name, level }) => `${name} (${level})`);
  const lines = [
    `  to ${target}: reached ${reached} in ${formatSeconds(seconds)}`,
    ...(names.length > 0 ? [`    passed: ${names.join(', ')}`] : []),
    ...failed.map(({ name, level, detail }) => `    FAILED: ${name} (${level}) ${detail ?? ''}`),
  ];
  return lines.map((line) => `${line.trimEnd()}\n`).join('');
}
