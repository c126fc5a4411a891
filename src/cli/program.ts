import { Command, CommanderError } from 'commander';
import { HoldfastError } from '../errors/holdfast-error.ts';
import { backupCommand } from './backup.ts';
import { deleteCommand } from './delete.ts';
import { demoCommand } from './demo.ts';
import { doctorCommand } from './doctor.ts';
import { followCommand } from './follow.ts';
import { initCommand } from './init.ts';
import { keyCommand } from './key.ts';
import { listCommand } from './list.ts';
import { OVERVIEW } from './overview.ts';
import { reportError } from './report-error.ts';
import { restoreCommand } from './restore.ts';
import type { Shell } from './shell.ts';
import { showCommand } from './show.ts';
import { verifyCommand } from './verify.ts';
import { walFetchCommand, walFetchExitCode } from './wal-fetch.ts';
import { walPushCommand } from './wal-push.ts';
import { windowCommand } from './window.ts';

const COMMANDS = [
  initCommand,
  backupCommand,
  followCommand,
  restoreCommand,
  verifyCommand,
  listCommand,
  showCommand,
  windowCommand,
  deleteCommand,
  doctorCommand,
  demoCommand,
  walPushCommand,
  walFetchCommand,
  keyCommand,
] as const;

/** The whole command line. Help and version go to `written`, complaints come as CommanderErrors. */
export function program(shell: Shell, options: { version: string; written: string[] }): Command {
  const root = new Command('holdfast')
    .description(
      'Disaster recovery for databases: back up, follow, restore to any second, prove it.',
    )
    .version(options.version)
    .option('-c, --config <file>', 'the configuration (default: $HOLDFAST_CONFIG, ./holdfast.yaml)')
    .option('--json', 'print one JSON document on stdout, and nothing else there')
    .option('-q, --quiet', 'no progress, only results and what is wrong')
    .helpCommand(false)
    .addHelpText('after', '\nEach command has examples: holdfast restore --help.')
    .exitOverride()
    .configureHelp({ showGlobalOptions: true })
    .configureOutput({
      writeOut: (text) => options.written.push(text),
      writeErr: () => undefined,
      outputError: () => undefined,
    });
  for (const make of COMMANDS) root.addCommand(inherit(make(shell), root));
  return root;
}

/** `addCommand` does not hand these settings down as `command` does. */
function inherit(command: Command, root: Command): Command {
  command.copyInheritedSettings(root);
  for (const child of command.commands) inherit(child, root);
  return command;
}

/** Runs one command line (without `node` and script) and answers the exit code. */
export async function run(
  shell: Shell,
  { argv, version }: { argv: readonly string[]; version: string },
): Promise<number> {
  const written: string[] = [];
  const root = program(shell, { version, written });
  if (argv.length === 0) {
    await shell.io.out(OVERVIEW);
    return 0;
  }
  try {
    await root.parseAsync(argv, { from: 'user' });
    return shell.exitCode;
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) {
      await shell.io.out(written.join(''));
      return 0;
    }
    const name = root.commands.find((command) => argv.includes(command.name()))?.name();
    return await fail(shell, { argv, error: complaint(error, name) });
  }
}

/** For what no command caught: a command line that cannot be parsed, a defect. */
export async function fail(
  shell: Shell,
  { argv, error }: { argv: readonly string[]; error: unknown },
): Promise<number> {
  const code = await reportError({ shell, error, json: argv.includes('--json') });
  return argv.includes('wal-fetch') ? walFetchExitCode(code) : code;
}

function complaint(error: CommanderError, command: string | undefined): HoldfastError {
  const help = command === undefined ? 'holdfast --help' : `holdfast ${command} --help`;
  if (error.code === 'commander.help') {
    return new HoldfastError('CLI_USAGE', { reason: 'That is only part of a command.', help });
  }
  const reason = error.message.replace(/^error: /, '').replaceAll('\n', ' ');
  const sentence = reason.charAt(0).toUpperCase() + reason.slice(1);
  return new HoldfastError('CLI_USAGE', {
    reason: /[.?)]$/.test(sentence) ? sentence : `${sentence}.`,
    help,
  });
}
