import { globSync, readFileSync } from 'node:fs';
import { run } from 'node:test';
import { parseArgs } from 'node:util';
import { shareClusterTemplates } from './support/cluster-template.ts';
import { Report } from './support/report.ts';
import { sweepTemporary } from './support/temporary.ts';

/**
 * npm test [-- part-of-a-path … --name <pattern> --soak]
 *
 * Every file is a process of its own. Exits 1 when a test failed, and when none ran.
 */
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    soak: { type: 'boolean', default: false },
    name: { type: 'string' },
    concurrency: { type: 'string', default: '2' },
  },
});

const FILE_TIMEOUT_MS = values.soak ? 3 * 3_600_000 : 300_000;
if (values.soak) process.env.HOLDFAST_SOAK = '1';

const files = globSync(['src/**/*.test.ts', 'test/**/*.test.ts'])
  .filter((path) => values.soak || !path.startsWith('test/soak/'))
  .filter((path) => positionals.length === 0 || positionals.some((part) => path.includes(part)))
  .map((path) => ({ path, weight: weigh(path) }))
  .sort((a, b) => b.weight - a.weight || (a.path < b.path ? -1 : 1))
  .map(({ path }) => path);

sweepTemporary();
shareClusterTemplates();
const report = new Report();
const queue = [...files];
const workers = Array.from({ length: Number(values.concurrency) }, async () => {
  for (let file = queue.shift(); file !== undefined; file = queue.shift()) await runFile(file);
});
await Promise.all(workers);
sweepTemporary();
process.exitCode = report.close() ? 0 : 1;

/**
 * The longest first, lest one of them runs alone at the end: the suites of several rooms, then by
 * how many tests repeat for every server version.
 */
function weigh(path: string): number {
  const repeated = readFileSync(path, 'utf8').match(/^ *testEachMajor\(/gm)?.length ?? 0;
  return repeated + (path.startsWith('test/') ? 5 : 0);
}

/**
 * A test's own timeout does not end a process that something keeps alive; the signal's SIGTERM
 * does, and what that process leaves behind is swept.
 */
async function runFile(file: string): Promise<void> {
  const stream = run({
    files: [file],
    signal: AbortSignal.timeout(FILE_TIMEOUT_MS),
    ...(values.soak && { execArgv: ['--import', './test/support/many-runs.ts'] }),
    ...(values.name !== undefined && { testNamePatterns: [values.name] }),
  });
  stream.on('test:pass', (event) => report.passed(event));
  stream.on('test:fail', (event) => report.failed(event));
  stream.on('test:stderr', ({ message }) => process.stderr.write(message));
  for await (const _ of stream);
}
