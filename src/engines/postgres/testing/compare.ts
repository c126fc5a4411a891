import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { CapturedBackup } from '../capture/base-backup.ts';
import { relationFile } from '../capture/relation-path.ts';
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

/** Writes the snapshot out as a data directory that PostgreSQL can start from. */
export function restoreTo(snapshot: MemorySnapshot, backup: CapturedBackup, data: string): void {
  mkdirSync(data, { mode: 0o700 });
  for (const [directory, mode] of snapshot.directories) {
    mkdirSync(path.join(data, directory), { mode, recursive: true });
  }
  for (const [file, { bytes, file: entry }] of snapshot.files) {
    writeFileSync(path.join(data, file), bytes, { mode: entry.mode });
  }
  writeFileSync(path.join(data, 'backup_label'), backup.backupLabel);
}
