import assert from 'node:assert/strict';
import { existsSync, globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { Command } from 'commander';
import { program } from '../../src/cli/program.ts';
import type { Shell } from '../../src/cli/shell.ts';
import { parseConfig } from '../../src/config/parse-config.ts';
import { catalogue } from '../../src/errors/catalogue.ts';
import type { CatalogueEntry } from '../../src/errors/catalogue-entry.ts';
import { EXIT_CODE } from '../../src/errors/kind.ts';
import { type Host, machine } from '../../src/host/host.ts';
import { runLine } from '../cli/run-line.ts';
import { ERRORS_PAGE, errorsPage } from './errors-page.ts';
import { anchorsOf, commandLinesOf, linksOf, readPages, shellWords } from './markdown.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const pages = readPages();
const DOCTOR_NAME = /'((?:repository|source|slot|follow|snapshot|window)\.[a-z-]+)'/g;

test('docs/errors.md is what the catalogue says', () => {
  const text = readFileSync(ERRORS_PAGE, 'utf8');
  assert.equal(text, errorsPage(), 'stale: run node test/docs/errors-page.ts');
});

test('the page of exit codes names every kind with its number', () => {
  const text = readFileSync(path.join(root, 'docs/08-exit-codes.md'), 'utf8');
  for (const [kind, code] of Object.entries(EXIT_CODE)) {
    assert.match(text, new RegExp(`^\\| ${code} \\| ${kind} \\|`, 'm'));
  }
});

test('the page of doctor names every check it makes', () => {
  const text = readFileSync(path.join(root, 'docs/05-verify-and-doctor.md'), 'utf8');
  const names = globSync('src/operations/doctor/*.ts', { cwd: root, exclude: ['**/*.test.ts'] })
    .map((file) => readFileSync(path.join(root, file), 'utf8'))
    .flatMap((source) => [...source.matchAll(DOCTOR_NAME)].map(([, name]) => name));
  assert.ok(names.length > 20, 'the names were found');
  for (const name of names) assert.ok(text.includes(`\`${name}\``), name);
});

test('every relative link leads to a page and an anchor that exist', () => {
  for (const page of pages) {
    for (const link of linksOf(page)) {
      const [target = '', anchor] = link.split('#');
      const file = path.join(root, path.dirname(page.file), target);
      const where = `${page.file}: ${link}`;
      const place = target === '' ? path.join(root, page.file) : file;
      assert.ok(existsSync(place), where);
      if (anchor && place.endsWith('.md')) {
        assert.ok(anchorsOf(readFileSync(place, 'utf8')).includes(anchor), where);
      }
    }
  }
});

test('every yaml example marked "test" is a configuration that loads', () => {
  let count = 0;
  for (const { file, blocks } of pages) {
    for (const { language, marks, text, line } of blocks) {
      if (language !== 'yaml' || !marks.includes('test')) continue;
      count++;
      assert.doesNotThrow(
        () => parseConfig({ file: '/etc/holdfast/holdfast.yaml', text }),
        `${file}:${line}`,
      );
    }
  }
  assert.ok(count >= 3);
});

test('every holdfast command line in the docs and in --help is one that parses', async () => {
  const lines = pages.flatMap((page) =>
    commandLinesOf(page).map(({ line, words }) => ({ where: `${page.file}:${line}`, words })),
  );
  assert.ok(lines.length >= 20);
  for (const { where, words } of [...lines, ...helpExamples()]) {
    assert.equal(await tryOut(words), '', `${where}: holdfast ${words.join(' ')}`);
  }
});

function helpExamples() {
  const silent = {} as Shell;
  const written: string[] = [];
  const top = program(silent, { version: '0', written });
  const commands = top.commands.flatMap((one) => [one, ...one.commands]);
  return commands.flatMap((command) => {
    written.length = 0;
    command.outputHelp();
    return [...written.join('').matchAll(/^ {2}holdfast (.*)$/gm)].map((match) => ({
      where: `${command.name()} --help`,
      words: shellWords(match[1]!),
    }));
  });
}

test('hints name only commands and options that exist', () => {
  const root = program({} as Shell, { version: '0', written: [] });
  const commands = new Map(
    root.commands.flatMap((one) => [one, ...one.commands]).map((one) => [one.name(), one]),
  );
  const flagsOf = (command: Command) => command.options.map(({ long }) => long);
  const flags = [root, ...commands.values()].flatMap(flagsOf);
  for (const [code, { hint }] of Object.entries<CatalogueEntry>(catalogue)) {
    for (const [, name] of hint.matchAll(/[Rr]un holdfast (?!with\b|as\b)([a-z-]+)/g)) {
      assert.ok(commands.has(name!), `${code}: ${hint}`);
    }
    for (const [, name, flag] of hint.matchAll(
      /holdfast ([a-z-]+)(?: (?!--)[^\s,;]+)*? (--[a-z-]+)/g,
    )) {
      const command = commands.get(name!);
      assert.ok(
        command && [...flagsOf(command), ...flagsOf(root)].includes(flag),
        `${code}: ${hint}`,
      );
    }
    for (const [flag] of hint.matchAll(/(?<=\s)--[a-z-]+/g)) {
      if (/\b(npm|useradd|apt)\b/.test(hint)) continue;
      assert.ok(flags.includes(flag), `${code}: ${hint}`);
    }
  }
});

const CONFIG = `repository: { location: /r, key: { key-file: /k } }
sources: { main: { engine: postgres, host: db1 } }
`;

/** Parses and renders with stand-in operations; what it complains of. */
async function tryOut(words: readonly string[]): Promise<string> {
  const readFile = async () => Buffer.from(CONFIG);
  const host: Host = {
    ...machine,
    // Any configuration named is this one; times are read at the end of a day.
    clock: { ...machine.clock, now: () => new Date(2026, 10, 21, 23, 59).getTime() },
    fs: { ...machine.fs, promises: { ...machine.fs.promises, readFile: readFile as never } },
  };
  const { err } = await runLine(words, { directory: '/', host });
  return err.startsWith('error') || err.includes('\nerror') ? err : '';
}
