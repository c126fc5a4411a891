import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import type { Workbench } from '../operations/workbench.ts';
import { summarizing } from '../recovery/scenario.ts';
import { assertSameTree, readTree, type Tree } from '../recovery/tree.ts';
import { testEachMajor } from '../support/majors.ts';
import { soak } from '../support/soak.ts';
import { killPostmaster, removeTemporary, temporaryDirectory } from '../support/temporary.ts';
import { backUp, impatientBench, type Known } from './commands.ts';
import { type LeftBehind, leftBehind } from './left-behind.ts';
import { runAndKill } from './run-and-kill.ts';
import { seeded } from './seeded.ts';
import { smallCluster } from './small-cluster.ts';

/** Written last, so that nothing else can be missing once it is there. */
const CONTROL_FILE = 'global/pg_control';
const KILLS = soak(25, 5);

testEachMajor(
  'kill -9 of holdfast restore: nothing half done starts, and restoring as it says works',
  async (major, context) => {
    await using postgres = await smallCluster({ major, settings: summarizing(major) });
    using bench = await impatientBench(postgres);
    // What a killed process leaves in the directory for temporary files goes with the bench.
    bench.environment = { ...bench.environment, TMPDIR: bench.directory };
    await backUp(bench, postgres);
    await killRestores({ context, bench, known: await backUp(bench, postgres), major });
  },
  { quick: [18], timeout: soak(3_600_000, 240_000) },
);

async function killRestores(options: {
  readonly context: TestContext;
  readonly bench: Workbench;
  readonly known: Known;
  readonly major: number;
}): Promise<void> {
  const { context, bench, known, major } = options;
  const { seed, below } = seeded(context);
  const began = performance.now();
  const argv = (to: string) => ['restore', 'main', '--to', to, '--snapshot', known.id];
  const plain = await healthy(bench, argv);
  const started = await healthy(bench, (to) => [...argv(to), '--start']);
  const left: Record<LeftBehind['kind'], number> = { nothing: 0, starts: 0, runs: 0 };
  let killed = 0;
  let rounds = 0;
  for (; killed < KILLS && rounds < 3 * KILLS; rounds++) {
    const root = temporaryDirectory(() => killPostmaster(join(root, 'restored')));
    const to = join(root, 'restored');
    const start = below(3) === 0;
    const usual = start ? started : plain;
    const afterMs = below(Math.ceil(usual.ms));
    const command = start ? [...argv(to), '--start'] : argv(to);
    const outcome = await runAndKill({ bench, argv: command, first: root, afterMs });
    if (outcome.killed) killed++;
    // It was measured on a machine that had more to do then.
    else usual.ms = Math.min(usual.ms, outcome.ms);
    try {
      if (!start && existsSync(join(to, CONTROL_FILE))) {
        assertSameTree(await readTree(to), plain.tree, { files: [CONTROL_FILE] });
      }
      const found = await leftBehind(to, major);
      left[found.kind]++;
      if (found.kind === 'nothing') assert.ok(outcome.killed, 'a restore that ended well starts');
      else assert.deepEqual(found.digest, known.digest, 'what starts is what was backed up');
      await assertRestoresAsTold({ bench, argv, to, left: found, whole: plain.tree });
    } catch (cause) {
      const what = `HOLDFAST_SEED=${seed}: ${command.join(' ')} killed after ${afterMs} ms`;
      throw new Error(what, { cause });
    }
    removeTemporary(root);
  }
  const seconds = Math.round((performance.now() - began) / 1_000);
  context.diagnostic(
    `${killed} killed of ${rounds}; left: ${JSON.stringify(left)}; a restore takes ${Math.round(plain.ms)} ms, with --start ${Math.round(started.ms)} ms; ${seconds} s`,
  );
  assert.equal(killed, KILLS, 'as many were killed in time');
}

/** How long a restore takes, and what it leaves. */
async function healthy(bench: Workbench, argv: (to: string) => string[]) {
  const root = temporaryDirectory(() => killPostmaster(join(root, 'restored')));
  const to = join(root, 'restored');
  const { ms } = await runAndKill({ bench, argv: argv(to), first: root });
  const tree = await readTree(to);
  removeTemporary(root);
  return { ms, tree };
}

/** The same command refuses the place and says what to do; that works. */
async function assertRestoresAsTold(options: {
  readonly bench: Workbench;
  readonly argv: (to: string) => string[];
  readonly to: string;
  readonly left: LeftBehind;
  readonly whole: Tree;
}): Promise<void> {
  const { bench, argv, to, left, whole } = options;
  const { code, hint } = await bench.refusal(...argv(to));
  if (left.kind === 'runs') {
    assert.equal(code, 'POSTGRES_SERVER_RUNNING');
    assert.match(hint, /Choose another directory, or stop that server first/);
  } else {
    assert.equal(code, 'DESTINATION_NOT_EMPTY');
    assert.match(hint, /an empty or new directory: holdfast restore main --to <directory>/);
  }
  const root = temporaryDirectory();
  const another = join(root, 'restored');
  await bench.json(...argv(another));
  assertSameTree(await readTree(another), whole, { files: [] });
  removeTemporary(root);
}
