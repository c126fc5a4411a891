import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));

export interface Page {
  /** Relative to the project. */
  readonly file: string;
  readonly text: string;
  readonly blocks: readonly Block[];
}

/** A fenced block: ```language mark */
export interface Block {
  readonly language: string;
  /** The words after the language; `test` asks for the block to be executed. */
  readonly marks: readonly string[];
  readonly text: string;
  /** Of its first line of text, from 1. */
  readonly line: number;
}

/** README.md, CHANGELOG.md and everything below docs/. */
export function readPages(): Page[] {
  const below = readdirSync(path.join(root, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .map((name) => path.join('docs', name));
  return ['README.md', 'CHANGELOG.md', ...below].map((file) => {
    const text = readFileSync(path.join(root, file), 'utf8');
    return { file, text, blocks: blocksOf(text) };
  });
}

function blocksOf(text: string): Block[] {
  const blocks: Block[] = [];
  let open: { language: string; marks: string[]; line: number; lines: string[] } | undefined;
  text.split('\n').forEach((line, at) => {
    const fence = /^```(.*)$/.exec(line);
    if (!fence) {
      open?.lines.push(line);
    } else if (open) {
      const { lines, ...block } = open;
      blocks.push({ ...block, text: `${lines.join('\n')}\n` });
      open = undefined;
    } else {
      const [language = '', ...marks] = fence[1]!.trim().split(/\s+/);
      open = { language, marks, line: at + 2, lines: [] };
    }
  });
  if (open) throw new Error(`line ${open.line - 1}: a fenced block is not closed`);
  return blocks;
}

/** Relative links `[text](target)` of a page outside its fenced blocks. */
export function linksOf({ text }: Page): string[] {
  const prose = text.replace(/^```[\s\S]*?^```/gm, '');
  return [...prose.matchAll(/\]\(([^)\s]+)\)/g)]
    .map((match) => match[1]!)
    .filter((target) => !/^[a-z]+:/.test(target));
}

/** The anchors a page offers, as GitHub makes them from headings. */
export function anchorsOf(text: string): string[] {
  return [...text.matchAll(/^#+ (.*)$/gm)].map((match) =>
    match[1]!
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, '')
      .replaceAll(' ', '-'),
  );
}

/** Every `holdfast …` command line of the shell blocks, continued lines joined, comments removed. */
export function commandLinesOf(page: Page): { readonly line: number; readonly words: string[] }[] {
  return page.blocks
    .filter(({ language }) => language === 'sh')
    .flatMap(({ text, line }) =>
      text
        .split('\n')
        .map((command, at) => ({ line: line + at, words: shellWords(command) }))
        .filter(({ words }) => words[0] === 'holdfast')
        .map(({ line: at, words }) => ({ line: at, words: words.slice(1) })),
    );
}

/** Words of a simple command: quotes are honoured; `#`, `|`, `>`, `;` and `&` end it. */
export function shellWords(command: string): string[] {
  const words: string[] = [];
  for (const match of command.matchAll(/(?:"[^"]*"|'[^']*'|[^\s"'])+/g)) {
    if (/^\d?[#|>;&]/.test(match[0])) break;
    words.push(match[0].replace(/"([^"]*)"|'([^']*)'/g, (_, a, b) => a ?? b));
  }
  return words;
}
