import { type Command, Option } from 'commander';
import { EXIT_CODE } from '../errors/kind.ts';
import type { VerifyLevel, VerifyRequest, VerifyResult } from '../operations/contract.ts';
import { newCommand, usage } from './new-command.ts';
import { snapshotId } from './restore-target.ts';
import { runConfigured } from './run-command.ts';
import type { Shell } from './shell.ts';
import { shortId } from './snapshot-table.ts';
import { counted, formatBytes, formatSeconds } from './units.ts';

interface VerifyOptions {
  readonly level: VerifyLevel;
  readonly source?: string;
  readonly all?: boolean;
}

export function verifyCommand(shell: Shell): Command {
  const command = newCommand({
    name: 'verify',
    summary: 'read snapshots back and check them',
    description: `Checks what is in the repository, without a server. V1: every object is read and is the one the commit
names. V2: every object is there and today's thirtieth is read, so that a month reads all. V3: everything is
decrypted and compared with its hashes, and every page with the server's own checksum. Without a snapshot: the
newest of every source. Damage ends it with exit code ${EXIT_CODE.corrupt}, and restore then refuses that snapshot.`,
    examples: [
      { command: 'holdfast verify', says: 'the newest snapshot of every source' },
      { command: 'holdfast verify 3f9c02ab --level V3', says: 'one, as deeply as can be' },
      { command: 'holdfast verify --all --level V1', says: 'every snapshot, quickly' },
    ],
  })
    .argument('[snapshot]', 'an id from holdfast list, or its first digits')
    .addOption(
      new Option('--level <level>', 'how deeply to check')
        .choices(['V1', 'V2', 'V3'])
        .default('V2'),
    )
    .option('--source <name>', 'only the snapshots of this source')
    .option('--all', 'every snapshot instead of the newest');
  return command.action((snapshot: string | undefined, given: VerifyOptions) =>
    runConfigured(shell, {
      command,
      perform: async (context) =>
        shell.operations.verify(context, request(command, snapshot, given)),
      render,
      exitCode: ({ ok }) => (ok ? 0 : EXIT_CODE.corrupt),
    }),
  );
}

function request(
  command: Command,
  snapshot: string | undefined,
  given: VerifyOptions,
): VerifyRequest {
  if (snapshot !== undefined && given.all) throw usage(command, 'Name a snapshot or say --all.');
  return {
    level: given.level,
    all: given.all === true,
    ...(given.source !== undefined && { source: given.source }),
    ...(snapshot !== undefined && { snapshot: snapshotId(command, snapshot) }),
  };
}

function render({ ok, level, seconds, bytesRead, snapshots }: VerifyResult): string {
  const lines = snapshots.flatMap(({ id, source, packs, ...snapshot }) => [
    `${snapshot.ok ? 'ok      ' : 'DAMAGED '}  ${shortId(id)}  ${source}  ${counted(packs, 'pack')}`,
    ...snapshot.problems.map((problem) => `            ${problem}`),
  ]);
  const what = `${counted(snapshots.length, 'snapshot')} at ${level}`;
  const cost = `${formatBytes(bytesRead)} read in ${formatSeconds(seconds)}`;
  lines.push(`${ok ? 'No damage found' : 'Damage was found'}: ${what}, ${cost}.`);
  return lines.map((line) => `${line}\n`).join('');
}
