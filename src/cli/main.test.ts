import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const main = fileURLToPath(new URL('../../bin/holdfast.js', import.meta.url));

/** The real process: what a shell sees. `closeOutput` is a reader that goes away, like `head`. */
function holdfast(
  argv: readonly string[],
  { closeOutput = false, nodeArgs = [] as readonly string[] } = {},
) {
  const env = { PATH: process.env.PATH };
  const child = spawn(process.execPath, [...nodeArgs, main, ...argv], { env });
  let out = '';
  let err = '';
  child.stdout.on('data', (data) => {
    out += data;
  });
  child.stderr.on('data', (data) => {
    err += data;
  });
  if (closeOutput) child.stdout.destroy();
  return new Promise<{ code: number | null; out: string; err: string }>((resolve) => {
    child.on('close', (code) => resolve({ code, out, err }));
  });
}

test('the process ends with the exit code and the whole of its output', async () => {
  const [help, wrong, json, reader] = await Promise.all([
    holdfast(['--help']),
    holdfast(['nonsense']),
    holdfast(['list', '--config', '/nowhere/holdfast.yaml', '--json']),
    holdfast(['--help'], { closeOutput: true }),
  ]);
  assert.equal(help.code, 0);
  assert.match(help.out, /Each command has examples/);
  assert.equal(help.err, '');
  assert.equal(wrong.code, 2);
  assert.equal(wrong.out, '');
  assert.match(wrong.err, /^error \[CLI_USAGE\]: Unknown command 'nonsense'/);
  assert.equal(json.code, 3);
  assert.equal(json.err, '');
  assert.equal((JSON.parse(json.out) as { error: { code: string } }).error.code, 'CONFIG_ABSENT');
  assert.equal(reader.code, 0);
  assert.equal(reader.err, '');
});

/** Replaces every operation by the body of a function. */
function withOperations(body: string): readonly string[] {
  const source = `export const operations = new Proxy({}, { get: () => () => { ${body} } });`;
  const hook = `import { registerHooks } from 'node:module';
registerHooks({
  load: (url, context, next) =>
    url.endsWith('/operations/operations.ts')
      ? { format: 'module', source: ${JSON.stringify(source)}, shortCircuit: true }
      : next(url, context),
});`;
  return ['--import', `data:text/javascript,${encodeURIComponent(hook)}`];
}

test('a command that never answers, or throws where nobody listens, has failed', async () => {
  const never = withOperations('return new Promise(() => undefined)');
  const thrown = withOperations(
    'setImmediate(() => { throw new Error("x") }); return new Promise(() => undefined)',
  );
  const works = withOperations('return Promise.resolve({ status: "fetched" })');
  const folder = await mkdtemp(path.join(tmpdir(), 'holdfast-main-'));
  try {
    const config = path.join(folder, 'holdfast.yaml');
    await writeFile(
      config,
      'repository: { location: r, key: { key-file: k } }\nsources: { m: { engine: postgres, host: h } }\n',
    );
    const fetch = ['wal-fetch', 'a', 'b', '-c', config];
    const [good, silent, crashed, backup] = await Promise.all([
      holdfast(fetch, { nodeArgs: works }),
      holdfast(fetch, { nodeArgs: never }),
      holdfast(fetch, { nodeArgs: thrown }),
      holdfast(['backup', '-c', config], { nodeArgs: never }),
    ]);
    assert.equal(good.code, 0, good.err);
    assert.equal(silent.code, 201);
    assert.match(silent.err, /ended without an answer/);
    assert.equal(crashed.code, 201);
    assert.equal(backup.code, 1);
    assert.match(backup.err, /error \[INTERNAL\]/);
  } finally {
    await rm(folder, { recursive: true });
  }
});
