import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const main = fileURLToPath(new URL('../../bin/holdfast.js', import.meta.url));

/** The real process: what a shell sees. `closeOutput` is a reader that goes away, like `head`. */
function holdfast(argv: readonly string[], { closeOutput = false } = {}) {
  const child = spawn(process.execPath, [main, ...argv], { env: { PATH: process.env.PATH } });
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
