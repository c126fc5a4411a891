import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Interruption } from '../../src/cli/interruption.ts';
import { run } from '../../src/cli/program.ts';
import type { Shell } from '../../src/cli/shell.ts';
import type { Environment } from '../../src/config/environment.ts';
import { type Host, machine } from '../../src/host/host.ts';
import { operations } from '../../src/operations/operations.ts';
import { onlyDocument, type Ran } from '../cli/run-line.ts';
import type { TestPostgres } from '../support/postgres.ts';
import { removeTemporary, temporaryDirectory } from '../support/temporary.ts';

/** A directory in which somebody types holdfast commands; the real operations carry them out. */
export class Workbench implements Disposable {
  readonly directory = temporaryDirectory();
  environment: Environment = { HOME: this.directory };
  host: Host = machine;
  /** Hears what is said on stderr as it is said. */
  heard: (text: string) => void = () => undefined;

  get configFile(): string {
    return join(this.directory, 'holdfast.yaml');
  }

  get repository(): string {
    return join(this.directory, 'holdfast-repository');
  }

  async run(...argv: string[]): Promise<Ran> {
    let out = '';
    let err = '';
    using interruption = new Interruption();
    const shell: Shell = {
      host: this.host,
      environment: this.environment,
      io: {
        out: async (text) => {
          out += text;
        },
        err: (text) => {
          err += text;
          this.heard(text);
        },
        terminal: false,
        columns: 80,
      },
      operations,
      interruption,
      directory: this.directory,
      exitCode: 0,
    };
    const code = await run(shell, { argv, version: '1.2.3' });
    return { code, out, err };
  }

  /** The document of a command that must succeed. */
  async json<Result>(...argv: string[]): Promise<Result> {
    const { code, out } = await this.run(...argv, '--json');
    assert.equal(code, 0, out);
    return onlyDocument(out) as Result;
  }

  /** What a command that must fail says, and its exit code. */
  async refusal(...argv: string[]): Promise<Refusal> {
    const { code, out } = await this.run(...argv, '--json');
    const document = onlyDocument(out) as { ok: boolean; error?: Omit<Refusal, 'exit'> };
    assert.ok(document.error, out);
    return { ...document.error, exit: code };
  }

  /** `init` for a running server, as its superuser over the socket. */
  async init(postgres: TestPostgres, ...more: string[]): Promise<void> {
    const { socketDir, port, superuser } = postgres;
    await this.json(
      'init',
      ...['--socket', socketDir, '--port', String(port), '--user', superuser, ...more],
    );
  }

  config(): string {
    return readFileSync(this.configFile, 'utf8');
  }

  editConfig(change: (text: string) => string): void {
    const before = this.config();
    const after = change(before);
    assert.notEqual(after, before, 'the edit must change something');
    writeFileSync(this.configFile, after);
  }

  [Symbol.dispose](): void {
    removeTemporary(this.directory);
  }
}

export interface Refusal {
  readonly code: string;
  readonly kind: string;
  readonly message: string;
  readonly hint: string;
  readonly exit: number;
}
