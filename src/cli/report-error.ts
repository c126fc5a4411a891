import { HoldfastError, isHoldfastError } from '../errors/holdfast-error.ts';
import { EXIT_CODE } from '../errors/kind.ts';
import type { Io } from './io.ts';
import { toJson } from './json.ts';
import type { Shell } from './shell.ts';

/**
 * Says what went wrong and answers the exit code: for people `error [CODE]: …` and `  → hint` on
 * stderr; with --json one document on stdout and nothing else.
 */
export async function reportError(options: {
  readonly shell: Pick<Shell, 'io' | 'interruption' | 'environment'>;
  readonly error: unknown;
  readonly json: boolean;
}): Promise<number> {
  const { shell, json } = options;
  const { io, interruption, environment } = shell;
  const stopped = interruption.received !== undefined && isAbort(options.error);
  const error = stopped
    ? new HoldfastError('INTERRUPTED', { signal: interruption.received! })
    : asHoldfastError(options.error);
  if (json) {
    const { code, kind, message, hint } = error;
    await io.out(toJson({ ok: false, error: { code, kind, message, hint } }));
  } else {
    writeError(io, error);
  }
  if (environment.HOLDFAST_DEBUG) io.err(`${stacks(options.error)}\n`);
  return stopped ? interruption.exitCode! : EXIT_CODE[error.kind];
}

function writeError(io: Io, { code, message, hint }: HoldfastError): void {
  io.err(`error [${code}]: ${message}\n  → ${hint}\n`);
}

function asHoldfastError(error: unknown): HoldfastError {
  if (isHoldfastError(error)) return error;
  const reason = error instanceof Error ? error.message || error.name : String(error);
  return new HoldfastError('INTERNAL', { reason }, { cause: error });
}

/** An abort arrives as itself or as the cause of what it broke. */
function isAbort(error: unknown): boolean {
  for (let one = error; one instanceof Error; one = one.cause) {
    if (one.name === 'AbortError' || isHoldfastError(one, 'INTERRUPTED')) return true;
  }
  return false;
}

function stacks(error: unknown): string {
  const parts: string[] = [];
  for (let one = error; one instanceof Error; one = one.cause) parts.push(one.stack ?? one.message);
  return parts.join('\ncaused by: ');
}
