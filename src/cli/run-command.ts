import type { Command } from 'commander';
import type { Config } from '../config/config.ts';
import { configFile, loadConfig } from '../config/load-config.ts';
import type { Warning } from '../config/warning.ts';
import type { ConfiguredContext, Context } from '../operations/contract.ts';
import { toJson } from './json.ts';
import { ProgressLine } from './progress-line.ts';
import { reportError } from './report-error.ts';
import type { GlobalOptions, Shell } from './shell.ts';

/** Warnings are part of a result, so that --json carries them too. */
interface Warned {
  readonly warnings?: readonly Warning[];
}

export interface Task<Made extends object, Given> {
  readonly command: Command;
  /** Parses the rest of the command line and calls one operation. */
  readonly perform: (context: Given) => Promise<Made>;
  /** What a person reads on stdout. */
  readonly render: (result: Made) => string;
  /** For results that are answers and yet failures: a verification that found damage. */
  readonly exitCode?: (result: Made) => number;
  /** For commands PostgreSQL runs, whose exit codes it reads in its own way. */
  readonly errorExitCode?: (code: number) => number;
}

/** Runs a command that needs no configuration. */
export async function runCommand<Made extends object>(
  shell: Shell,
  task: Task<Made, Context>,
): Promise<void> {
  const options = task.command.optsWithGlobals<GlobalOptions>();
  const json = options.json === true;
  const line = new ProgressLine({ io: shell.io, clock: shell.host.clock });
  const silent = json || options.quiet === true;
  const context: Context = {
    host: shell.host,
    environment: shell.environment,
    signal: shell.interruption.signal,
    onProgress: (progress) => {
      if (!silent) line.update(progress);
    },
    onNotice: (sentence) => {
      if (silent) return;
      line.clear();
      shell.io.err(`${sentence}\n`);
    },
  };
  const onStop = () => context.onNotice('Stopping. A second Ctrl-C stops at once.');
  context.signal.addEventListener('abort', onStop, { once: true });
  try {
    const result = await task.perform(context);
    line.clear();
    await shell.io.out(json ? toJson({ ok: true, ...result }) : task.render(result));
    if (!json)
      for (const warning of (result as Warned).warnings ?? []) writeWarning(shell, warning);
    shell.exitCode = task.exitCode?.(result) ?? 0;
  } catch (error) {
    line.clear();
    const code = await reportError({ shell, error, json });
    shell.exitCode = task.errorExitCode?.(code) ?? code;
  } finally {
    context.signal.removeEventListener('abort', onStop);
  }
}

/** Runs a command that works on what holdfast.yaml names. */
export function runConfigured<Made extends object>(
  shell: Shell,
  task: Task<Made, ConfiguredContext>,
): Promise<void> {
  const perform = async (context: Context) =>
    task.perform({ ...context, config: await configured(shell, task.command) });
  return runCommand(shell, { ...task, perform });
}

function configured(shell: Shell, command: Command): Promise<Config> {
  const named = command.optsWithGlobals<GlobalOptions>().config;
  const { environment, directory, host } = shell;
  return loadConfig({ file: configFile({ named, environment, directory }), host });
}

function writeWarning({ io }: Shell, { message, hint }: Warning): void {
  io.err(`warning: ${message}\n  → ${hint}\n`);
}
