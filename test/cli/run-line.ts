import assert from 'node:assert/strict';
import { Interruption } from '../../src/cli/interruption.ts';
import { run } from '../../src/cli/program.ts';
import type { Shell } from '../../src/cli/shell.ts';
import { type Host, machine } from '../../src/host/host.ts';
import type { Operations } from '../../src/operations/contract.ts';
import { sampleOperations } from './sample-operations.ts';

export interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** Runs one command line in this process, its operations replaced by samples. */
export async function runLine(
  argv: readonly string[],
  options: {
    readonly directory: string;
    readonly operations?: Partial<Operations>;
    readonly interruption?: Interruption;
    readonly host?: Host;
  },
): Promise<Ran> {
  let out = '';
  let err = '';
  using interruption = options.interruption ?? new Interruption();
  const shell: Shell = {
    host: options.host ?? machine,
    environment: {},
    io: {
      out: async (text) => {
        out += text;
      },
      err: (text) => {
        err += text;
      },
      terminal: false,
      columns: 80,
    },
    operations: { ...sampleOperations, ...options.operations },
    interruption,
    directory: options.directory,
    exitCode: 0,
  };
  const code = await run(shell, { argv, version: '1.2.3' });
  return { code, out, err };
}

/** stdout with --json: exactly one document, on one line. */
export function onlyDocument(out: string): Record<string, unknown> {
  assert.ok(out.endsWith('\n') && out.indexOf('\n') === out.length - 1, out);
  return JSON.parse(out) as Record<string, unknown>;
}
