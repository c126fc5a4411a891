import type { Environment } from '../config/environment.ts';
import type { Host } from '../host/host.ts';
import type { Operations } from '../operations/contract.ts';
import type { Interruption } from './interruption.ts';
import type { Io } from './io.ts';

/** What every command is given; `exitCode` is what it leaves behind. */
export interface Shell {
  readonly host: Host;
  readonly environment: Environment;
  readonly io: Io;
  readonly operations: Operations;
  readonly interruption: Interruption;
  /** Relative paths are relative to it. */
  readonly directory: string;
  exitCode: number;
}

export interface GlobalOptions {
  readonly config?: string;
  readonly json?: boolean;
  readonly quiet?: boolean;
}
