import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { promises as fs, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { machine } from '../src/host/host.ts';
import { createRepository } from '../src/repository/repository.ts';
import { createRoot, FileSystemStore } from '../src/store/filesystem/file-system-store.ts';
import type { TestPostgres } from '../test/support/postgres.ts';

const LAUNCHER = join(import.meta.dirname, '../bin/holdfast.js');

/** The command as a user runs it, in processes of its own. */
export class Product {
  readonly #config: string;

  static async configure(options: {
    readonly directory: string;
    readonly postgres: TestPostgres;
  }): Promise<Product> {
    const { directory, postgres } = options;
    const root = join(directory, 'repository');
    const key = randomBytes(32);
    await createRoot({ root, host: machine });
    await createRepository({
      store: new FileSystemStore({ root, host: machine }),
      host: machine,
      recipients: [{ unlock: { kind: 'key-file', key }, label: 'bench' }],
    });
    const keyFile = join(directory, 'holdfast.key');
    await fs.writeFile(keyFile, `${key.toString('base64')}\n`, { mode: 0o600 });
    const config = join(directory, 'holdfast.yaml');
    await fs.writeFile(
      config,
      `repository:
  location: ${root}
  key: { key-file: ${keyFile} }
sources:
  main:
    engine: postgres
    socket: ${postgres.socketDir}
    port: ${postgres.port}
    user: postgres
    database: postgres
    follow: { slot: holdfast, application-name: holdfast, journal: ${join(directory, 'journal')} }
`,
    );
    return new Product(config);
  }

  private constructor(config: string) {
    this.#config = config;
  }

  begin(args: readonly string[]): Running {
    return new Running([LAUNCHER, ...args, '--config', this.#config]);
  }

  async run<Result>(args: readonly string[]): Promise<Outcome & { readonly result: Result }> {
    const outcome = await this.begin([...args, '--json']).finished();
    return { ...outcome, result: JSON.parse(outcome.stdout) as Result };
  }
}

interface Outcome {
  readonly stdout: string;
  readonly seconds: number;
  /** Peak resident set of the process, MB. */
  readonly peakMegabytes: number;
}

class Running {
  readonly #child: ChildProcess;
  readonly #started = performance.now();
  readonly #ended: Promise<number | null>;
  readonly #watch: NodeJS.Timeout;
  #peak = 0;
  #stdout = '';
  #stderr = '';

  constructor(args: readonly string[]) {
    this.#child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    this.#child.stdout?.on('data', (chunk) => {
      this.#stdout += chunk;
    });
    this.#child.stderr?.on('data', (chunk) => {
      this.#stderr += chunk;
    });
    this.#watch = setInterval(() => this.#sample(), 50);
    this.#ended = new Promise((resolve) => this.#child.on('close', resolve));
  }

  /** Until its words on stderr hold `text`. */
  async said(text: string): Promise<void> {
    while (!this.#stderr.includes(text)) {
      if (this.#child.exitCode !== null) throw new Error(this.#stdout + this.#stderr);
      await machine.clock.sleep(50);
    }
  }

  async stop(): Promise<Outcome> {
    this.#child.kill('SIGINT');
    return await this.finished();
  }

  async finished(): Promise<Outcome> {
    const code = await this.#ended;
    clearInterval(this.#watch);
    if (code !== 0) throw new Error(`exit ${code}: ${this.#stdout}${this.#stderr}`);
    const seconds = Math.round(performance.now() - this.#started) / 1000;
    return { stdout: this.#stdout, seconds, peakMegabytes: this.#peak };
  }

  #sample(): void {
    try {
      const status = readFileSync(`/proc/${this.#child.pid}/status`, 'utf8');
      const kilobytes = Number(/VmHWM:\s+(\d+)/.exec(status)?.[1] ?? 0);
      this.#peak = Math.max(this.#peak, Math.round((kilobytes * 1024) / 1e6));
    } catch {
      // It ended between two samples.
    }
  }
}
