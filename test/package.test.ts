import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import test, { after, before } from 'node:test';
import { promisify } from 'node:util';
import { removeTemporary, temporaryDirectory } from './support/temporary.ts';

/**
 * Trap 21: Node refuses to strip types below node_modules, so what npm installs is JavaScript.
 * This installs what would be published, into an empty folder, and runs it there.
 */
const run = promisify(execFile);
const folder = temporaryDirectory();
const installed = join(folder, 'node_modules', 'holdfast');
const INSTALL_TIMEOUT_MS = 240_000;
const DEMO_TIMEOUT_MS = 240_000;

before(
  async () => {
    await run('npm', ['pack', '--pack-destination', folder, '--loglevel=error']);
    const tarball = readdirSync(folder).find((name) => name.endsWith('.tgz'));
    writeFileSync(join(folder, 'package.json'), '{ "name": "empty", "private": true }');
    const quiet = ['--prefer-offline', '--no-audit', '--no-fund', '--loglevel=error'];
    await run('npm', ['install', ...quiet, `./${tarball}`], { cwd: folder });
  },
  { timeout: INSTALL_TIMEOUT_MS },
);

after(() => removeTemporary(folder));

test('the package holds programs and licences, neither sources nor tests', () => {
  const files = readdirSync(installed, { recursive: true }).map(String);
  for (const name of ['LICENSE', 'NOTICE', 'README.md', 'bin/holdfast.js', 'dist/cli/main.js']) {
    assert.ok(files.includes(name), name);
  }
  assert.deepEqual(
    files.filter((name) => /\.ts$|^src\b|\.test\.|\/testing\//.test(name)),
    [],
  );
});

test('every import and worker of the package leads to a file of it', () => {
  const files = readdirSync(join(installed, 'dist'), { recursive: true }).map(String);
  const missing: string[] = [];
  for (const name of files.filter((file) => file.endsWith('.js'))) {
    const text = readFileSync(join(installed, 'dist', name), 'utf8');
    for (const [, target = ''] of text.matchAll(/(?:from|import\(|new URL\()\s*'(\.[^']*)'/g)) {
      if (!existsSync(join(installed, 'dist', name, '..', target))) {
        missing.push(`${name}: ${target}`);
      }
    }
  }
  assert.deepEqual(missing, []);
});

test('the installed command runs', async () => {
  const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };
  const { stdout } = await run('npx', ['--no-install', 'holdfast', '--version'], { cwd: folder });
  assert.equal(stdout.trim(), version);
});

test('an older Node hands over to the one that came with the package', async (context) => {
  const older = await olderNode();
  if (!older) return context.skip('no Node before 24 is on PATH');
  const { stdout } = await run(older, [join(installed, 'bin', 'holdfast.js'), '--version']);
  assert.match(stdout, /^\d+\.\d+\.\d+\n$/);
});

test('the installed demo loses nothing and proves it', { timeout: DEMO_TIMEOUT_MS }, async () => {
  const args = ['--no-install', 'holdfast', 'demo', '--json'];
  const { stdout } = await run('npx', args, { cwd: folder, maxBuffer: 1 << 24 });
  const { ok, commitsLost, commitsAcknowledged, proofLevel } = JSON.parse(stdout) as {
    readonly ok: boolean;
    readonly commitsLost: number;
    readonly commitsAcknowledged: number;
    readonly proofLevel: string;
  };
  assert.deepEqual({ ok, commitsLost, proofLevel }, { ok: true, commitsLost: 0, proofLevel: 'L4' });
  assert.ok(commitsAcknowledged > 0);
});

async function olderNode(): Promise<string | undefined> {
  for (const directory of (process.env.PATH ?? '').split(delimiter)) {
    const node = join(directory, 'node');
    if (!existsSync(node)) continue;
    const { stdout } = await run(node, ['--version']);
    if (Number(/^v(\d+)/.exec(stdout)?.[1]) < 24) return node;
  }
  return undefined;
}
