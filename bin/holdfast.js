#!/usr/bin/env node
// Plain enough for any Node: finds one that is new enough, then hands over to holdfast itself.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const OLDEST = 24;
/** PostgreSQL takes 1 to 125 from restore_command as "the log ends here": see src/cli/wal-fetch.ts. */
const failed = (code) => (process.argv.includes('wal-fetch') ? 200 : 0) + code;
const packageRoot = dirname(dirname(fileURLToPath(import.meta.url)));

if (Number(process.versions.node.split('.')[0]) >= OLDEST) start();
else startWith(newerNode());

/** Sources are run where they are; Node does not strip types below node_modules. */
function start() {
  const source = join(packageRoot, 'src', 'cli', 'main.ts');
  const compiled = join(packageRoot, 'dist', 'cli', 'main.js');
  const main = existsSync(source) ? source : compiled;
  import(pathToFileURL(main).href).catch((error) => {
    console.error(error);
    process.exitCode = failed(1);
  });
}

/** The Node that npm installed as a dependency of this package, if this platform has one. */
function newerNode() {
  const require = createRequire(import.meta.url);
  const platform = `${process.platform}-${process.arch}`;
  for (const name of [`node-${platform}`, `node-bin-${platform}`]) {
    try {
      const node = join(dirname(require.resolve(`${name}/package.json`)), 'bin', 'node');
      if (existsSync(node)) return node;
    } catch {
      // Not installed under this name.
    }
  }
  return undefined;
}

function startWith(node) {
  if (node === undefined) {
    console.error(
      `holdfast needs Node ${OLDEST} or newer; this is ${process.versions.node}. Install it from nodejs.org or your distribution, then run the command again.`,
    );
    process.exitCode = failed(2);
    return;
  }
  const args = [fileURLToPath(import.meta.url), ...process.argv.slice(2)];
  const child = spawn(node, args, { stdio: 'inherit' });
  for (const signal of ['SIGTERM', 'SIGHUP', 'SIGINT']) {
    process.on(signal, () => {
      // A terminal has interrupted the child already; twice would mean "now, at once".
      if (signal !== 'SIGINT' || !process.stdin.isTTY) child.kill(signal);
    });
  }
  child.on('error', (error) => {
    console.error(error);
    process.exitCode = failed(1);
  });
  child.on('exit', (status, signal) => {
    if (signal) process.removeAllListeners(signal).kill(process.pid, signal);
    else process.exitCode = status;
  });
}
