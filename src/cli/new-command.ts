import { Command } from 'commander';
import { HoldfastError } from '../errors/holdfast-error.ts';

export interface Example {
  readonly command: string;
  readonly says: string;
}

/** A command with its description and, below the options, examples that can be pasted. */
export function newCommand(options: {
  readonly name: string;
  readonly summary: string;
  /** Shown by its own --help: what it does, what it never does. */
  readonly description: string;
  readonly examples: readonly Example[];
}): Command {
  const { name, summary, description, examples } = options;
  const width = Math.max(...examples.map(({ command }) => command.length));
  const lines = examples.map(({ command, says }) => `  ${command.padEnd(width)}  # ${says}`);
  return (
    new Command(name)
      .summary(summary)
      // Help wraps to the terminal; the line ends of the source are not the reader's.
      .description(description.replaceAll('\n', ' '))
      .addHelpText('after', `\nExamples:\n${lines.join('\n')}`)
  );
}

/** A command line that cannot be acted on. */
export function usage(command: Command, reason: string): HoldfastError {
  return new HoldfastError('CLI_USAGE', { reason, help: `${fullName(command)} --help` });
}

/** `holdfast key add` */
function fullName(command: Command): string {
  return command.parent ? `${fullName(command.parent)} ${command.name()}` : command.name();
}

/** `reason` for a value that must be a whole number in a range. */
export function wholeNumber(options: {
  readonly command: Command;
  readonly flag: string;
  readonly text: string;
  readonly least: number;
  readonly most: number;
}): number {
  const { command, flag, text, least, most } = options;
  const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (value >= least && value <= most) return value;
  throw usage(command, `${flag} must be a whole number from ${least} to ${most}, not "${text}".`);
}
