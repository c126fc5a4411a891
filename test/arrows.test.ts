import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import test from 'node:test';

/**
 * The arrows of docs/design/01-architecture.md: what each room may import, itself aside.
 *
 *   cli → operations → capture, recovery → engines, repository → store → content, host, errors
 *
 * `engines` and `repository` never meet: capture and recovery introduce them.
 */
const BASE = ['errors', 'host', 'content'];
const BETWEEN = [...BASE, 'config', 'store', 'repository', 'engines'];
const ARROWS: Readonly<Record<string, readonly string[]>> = {
  errors: [],
  host: ['errors'],
  content: ['errors'],
  config: BASE,
  store: BASE,
  repository: [...BASE, 'store'],
  engines: BASE,
  capture: BETWEEN,
  recovery: [...BETWEEN, 'capture'],
  operations: [...BETWEEN, 'capture', 'recovery'],
  cli: [...BASE, 'config', 'operations', 'recovery'],
};

const isTest = (path: string) => /^test\/|\.test\.ts$|\/testing\//.test(path);
const roomOf = (path: string) => path.split('/')[1] ?? '';

interface Import {
  readonly target: string;
  readonly typeOnly: boolean;
}

/** Static, dynamic and type imports, re-exports, and workers named by URL. */
const IMPORT =
  /\b(?:(?:import|export)\s+(type\s)?[^;']*?\bfrom|import\s*\(?|new URL\()\s*'(\.[^']*\.ts)'/g;

const imports = new Map<string, Import[]>();
for (const path of globSync(['src/**/*.ts', 'test/**/*.ts'])) {
  const found = [...readFileSync(path, 'utf8').matchAll(IMPORT)];
  imports.set(
    path,
    found.map(([, type, target = '']) => ({
      target: join(dirname(path), target),
      typeOnly: type !== undefined,
    })),
  );
}

test('the check sees the sources', () => {
  assert.ok(imports.size > 100, `${imports.size} files`);
  assert.deepEqual(imports.get('src/errors/holdfast-error.ts'), [
    { target: 'src/errors/catalogue.ts', typeOnly: false },
    { target: 'src/errors/catalogue-entry.ts', typeOnly: true },
    { target: 'src/errors/kind.ts', typeOnly: true },
  ]);
});

test('every room imports only what the arrows allow', () => {
  const wrong: string[] = [];
  for (const [path, targets] of imports) {
    if (isTest(path)) continue;
    const allowed = ARROWS[roomOf(path)];
    for (const { target } of targets.filter((to) => to.target.startsWith('src/'))) {
      if (roomOf(target) === roomOf(path) || allowed?.includes(roomOf(target))) continue;
      wrong.push(`${path} → ${target}`);
    }
  }
  assert.deepEqual(wrong, []);
});

test('sources never import tests', () => {
  const wrong = [...imports]
    .filter(([path]) => !isTest(path))
    .flatMap(([path, targets]) => targets.map(({ target }) => ({ path, target })))
    .filter(({ target }) => isTest(target));
  assert.deepEqual(wrong, []);
});

// Types have no load order: two files may know each other's.
test('no import goes round in a circle', () => {
  const done = new Set<string>();
  const circles: string[] = [];
  const visit = (path: string, trail: readonly string[]) => {
    const start = trail.indexOf(path);
    if (start >= 0) circles.push([...trail.slice(start), path].join(' → '));
    if (start >= 0 || done.has(path)) return;
    for (const { target, typeOnly } of imports.get(path) ?? []) {
      if (!typeOnly) visit(target, [...trail, path]);
    }
    done.add(path);
  };
  for (const path of imports.keys()) visit(path, []);
  assert.deepEqual(circles, []);
});
