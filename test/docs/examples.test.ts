import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { startPostgres, type TestPostgres } from '../support/postgres.ts';
import { removeTemporary, temporaryDirectory } from '../support/temporary.ts';
import { type Block, readPages } from './markdown.ts';

/**
 * Shell blocks marked `test` run as they are printed, page by page and top to bottom, against a
 * real PostgreSQL 18. Only the places that a reader replaces too are replaced. A ```text test block
 * right after one is what it prints on stdout.
 */
const launcher = fileURLToPath(new URL('../../bin/holdfast.js', import.meta.url));

let root: string;
let postgres: TestPostgres;

before(async () => {
  root = temporaryDirectory();
  mkdirSync(path.join(root, 'bin'));
  const shim = path.join(root, 'bin', 'holdfast');
  writeFileSync(shim, `#!/bin/sh\nexec '${process.execPath}' '${launcher}' "$@"\n`);
  chmodSync(shim, 0o755);
  postgres = await startPostgres({ major: 18, settings: { summarize_wal: 'on' } });
  await postgres.sql('CREATE ROLE holdfast LOGIN REPLICATION; GRANT pg_monitor TO holdfast');
});

after(async () => {
  await postgres?.[Symbol.asyncDispose]();
  removeTemporary(root);
});

function replaced(script: string): string {
  return script
    .replaceAll('/var/lib/holdfast', path.join(root, 'repository'))
    .replaceAll('/srv/example', root)
    .replaceAll('/srv/back', path.join(root, 'back'))
    .replaceAll('--host db1', `--host ${postgres.host} --port ${postgres.port}`);
}

function shell(script: string): Promise<{ code: number | null; out: string; err: string }> {
  const env = { PATH: `${path.join(root, 'bin')}:${process.env.PATH}`, HOME: root };
  const child = spawn('sh', ['-e', '-c', script], { cwd: root, env });
  let out = '';
  let err = '';
  child.stdout.on('data', (data) => {
    out += data;
  });
  child.stderr.on('data', (data) => {
    err += data;
  });
  return new Promise((resolve) => {
    child.on('close', (code) => resolve({ code, out, err }));
  });
}

const isTest = (block: Block | undefined, language: string) =>
  block?.language === language && block.marks.includes('test');

test('examples were found', () => {
  const blocks = readPages().flatMap((page) => page.blocks);
  assert.ok(blocks.some((block) => isTest(block, 'sh')));
});

for (const { file, blocks } of readPages()) {
  blocks.forEach((block, at) => {
    if (!isTest(block, 'sh')) return;
    test(`${file}:${block.line} runs as printed`, async () => {
      const { code, out, err } = await shell(replaced(block.text));
      assert.equal(code, 0, `${out}${err}`);
      const printed = blocks[at + 1];
      if (printed && isTest(printed, 'text')) assert.equal(out, replaced(printed.text));
    });
  });
}
