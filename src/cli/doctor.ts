import type { Command } from 'commander';
import { EXIT_CODE } from '../errors/kind.ts';
import type { DoctorCheck, DoctorResult } from '../operations/contract.ts';
import { newCommand } from './new-command.ts';
import { runConfigured } from './run-command.ts';
import type { Shell } from './shell.ts';
import { counted } from './units.ts';

const MARK: Readonly<Record<DoctorCheck['status'], string>> = {
  ok: 'ok      ',
  warning: 'warning ',
  problem: 'PROBLEM ',
};

export function doctorCommand(shell: Shell): Command {
  const command = newCommand({
    name: 'doctor',
    summary: 'check source, store, key, clock and slots, and say what to do',
    description: `Checks the repository, its key, every source, the clocks, the slots and known hazards, and says
what to do about each finding. It changes nothing. A problem ends it with exit code ${EXIT_CODE.unproven}.`,
    examples: [
      { command: 'holdfast doctor', says: 'everything in holdfast.yaml' },
      { command: 'holdfast doctor main --json', says: 'one source, for a monitor' },
    ],
  }).argument('[source]', 'the name of a source in holdfast.yaml');
  return command.action((source: string | undefined) =>
    runConfigured(shell, {
      command,
      perform: (context) =>
        shell.operations.doctor(context, source === undefined ? {} : { source }),
      render,
      exitCode: ({ ok }) => (ok ? 0 : EXIT_CODE.unproven),
    }),
  );
}

function render({ checks }: DoctorResult): string {
  const subjects = [...new Set(checks.map(({ subject }) => subject))];
  const sections = subjects.map((subject) => {
    const lines = checks
      .filter((check) => check.subject === subject)
      .flatMap(({ status, message, hint }) => [
        `  ${MARK[status]}  ${message}`,
        ...(hint === undefined ? [] : [`              → ${hint}`]),
      ]);
    return [subject, ...lines].map((line) => `${line}\n`).join('');
  });
  const count = (status: DoctorCheck['status']) => checks.filter((c) => c.status === status).length;
  const found = `${counted(count('problem'), 'problem')}, ${counted(count('warning'), 'warning')}`;
  return `${sections.join('\n')}\n${counted(checks.length, 'check')}: ${found}.\n`;
}
