import { readFileSync } from 'node:fs';
import { machine } from '../host/host.ts';
import { operations } from '../operations/operations.ts';
import { Interruption } from './interruption.ts';
import { processIo } from './io.ts';
import { fail, run } from './program.ts';
import { walFetchExitCode } from './wal-fetch.ts';

/** The command line of this process; answers its exit code. */
async function main(argv: readonly string[]): Promise<number> {
  // A reader that went away (`| head`) is no failure of ours.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
  });
  // There is nobody left to tell: the log is followed all the same.
  process.stderr.on('error', () => undefined);
  using interruption = new Interruption();
  const shell = {
    host: machine,
    environment: process.env,
    io: processIo,
    operations,
    interruption,
    directory: process.cwd(),
    exitCode: 0,
  };
  // Until there is an answer this process has failed: Node ends with 0 when nothing is left that
  // could still give one.
  process.exitCode = argv.includes('wal-fetch') ? walFetchExitCode(1) : 1;
  process.once('beforeExit', async () => {
    process.exit(await fail(shell, { argv, error: new Error('it ended without an answer') }));
  });
  // Node's own exit code for these is 1, which restore_command must never end with.
  let failing = false;
  process.on('uncaughtException', async (error) => {
    // A second one comes of telling the first: awaiting again would never end.
    if (failing) process.exit();
    failing = true;
    process.exit(await fail(shell, { argv, error }));
  });
  return await run(shell, { argv, version: version() });
}

/** package.json is two folders up from here, in src/ and in dist/ alike. */
function version(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  return String((JSON.parse(text) as { version: unknown }).version);
}

// Importing this file runs it: bin/holdfast.js does, whatever Node found it.
process.exit(await main(process.argv.slice(2)));
