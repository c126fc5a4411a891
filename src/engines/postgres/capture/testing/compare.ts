import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { relationFile } from '../relation-path.ts';
import type { MemorySnapshot } from './memory-snapshot.ts';

const PAGE = 8192;

/** Every relation file of the stopped source is in the snapshot, page by page the same. */
export function assertSamePages(snapshot: MemorySnapshot, data: string): void {
  const wanted = new Set([...relationFiles(data, '')].filter((file) => !unlogged(data, file)));
  for (const file of wanted) {
    const source = readFileSync(path.join(data, file));
    const captured = snapshot.bytes(file);
    assert.equal(captured.length, source.length, `${file}: length`);
    for (let at = 0; at < source.length; at += PAGE) {
      if (captured.compare(source, at, at + PAGE, at, at + PAGE) !== 0) {
        assert.fail(`${file}: page ${at / PAGE} differs`);
      }
    }
  }
  for (const file of snapshot.files.keys()) {
    if (relationFile(file)) assert.ok(wanted.has(file), `${file} is not in the source`);
  }
}

function* relationFiles(data: string, below: string): Generator<string> {
  for (const name of readdirSync(path.join(data, below))) {
    const file = below ? `${below}/${name}` : name;
    if (relationFile(file)) yield file;
    else if (
      /^(base|global|pg_tblspc)/.test(file) &&
      statSync(path.join(data, file)).isDirectory()
    ) {
      if (!file.endsWith('pgsql_tmp')) yield* relationFiles(data, file);
    }
  }
}

/** Of an unlogged relation only the init fork is captured. */
function unlogged(data: string, file: string): boolean {
  const base = file.replace(/(_(?:fsm|vm|init))?(\.\d+)?$/, '');
  return !file.includes('_init') && existsSync(path.join(data, `${base}_init`));
}
