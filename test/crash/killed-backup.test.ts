import assert from 'node:assert/strict';
import { globSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import type { Workbench } from '../operations/workbench.ts';
import { digestOf } from '../recovery/digest.ts';
import { summarizing } from '../recovery/scenario.ts';
import { testEachMajor } from '../support/majors.ts';
import type { TestPostgres } from '../support/postgres.ts';
import { soak } from '../support/soak.ts';
import { assertRestores, backUp, impatientBench, listed } from './commands.ts';
import { runAndKill } from './run-and-kill.ts';
import { seeded } from './seeded.ts';
import { change, smallCluster } from './small-cluster.ts';

const KILLS = soak(25, 6);
/** From the commit's first byte to the end of the process, about. */
const ENDING_MS = 20;

testEachMajor(
  'kill -9 of holdfast backup: older snapshots restore, and the next backup works',
  async (major, context) => {
    await using postgres = await smallCluster({ major, settings: summarizing(major) });
    using bench = await impatientBench(postgres);
    const { seed } = await killBackups({ context, postgres, bench, major });
    const slots = await postgres.value('select count(*) from pg_replication_slots where temporary');
    assert.equal(slots, '0', `HOLDFAST_SEED=${seed}: no slot holds the server's log back`);
  },
  { quick: [18], timeout: soak(3_600_000, 240_000) },
);

async function killBackups(options: {
  readonly context: TestContext;
  readonly postgres: TestPostgres;
  readonly bench: Workbench;
  readonly major: number;
}): Promise<{ readonly seed: string }> {
  const { context, postgres, bench, major } = options;
  const { seed, below } = seeded(context);
  const began = performance.now();
  let good = await backUp(bench, postgres);
  // The session is the first thing a backup writes under its lease, the commit nearly the last.
  const begins = join(bench.repository, 'sessions');
  const [commits = ''] = globSync(join(bench.repository, 'lineages/*/snapshots'));
  await change(postgres);
  let { ms: duration } = await runAndKill({ bench, argv: ['backup'], first: begins });
  let killed = 0;
  let committed = 0;
  let rounds = 0;
  for (; killed < KILLS && rounds < 3 * KILLS; rounds++) {
    const argv = below(3) === 0 ? ['backup', '--full'] : ['backup'];
    const ending = below(3) === 0;
    const first = ending ? commits : begins;
    const afterMs = below(ending ? ENDING_MS : Math.ceil(duration));
    const before = await listed(bench);
    await change(postgres);
    const outcome = await runAndKill({ bench, argv, first, afterMs });
    if (outcome.killed) killed++;
    // It was measured on a machine that had more to do then.
    else if (!ending) duration = Math.min(duration, outcome.ms);
    try {
      const newer = await assertUnharmed({ bench, before, promised: !outcome.killed });
      // Killed before it could say so: then it is whole.
      for (const id of newer) {
        await assertRestores(bench, { id, digest: await digestOf(postgres) }, major);
      }
      if (outcome.killed) committed += newer.length;
      await assertRestores(bench, good, major);
      good = await backUp(bench, postgres);
    } catch (cause) {
      const what = `HOLDFAST_SEED=${seed}: ${argv.join(' ')} killed ${afterMs} ms after ${first}`;
      throw new Error(what, { cause });
    }
  }
  await assertRestores(bench, good, major);
  const seconds = Math.round((performance.now() - began) / 1_000);
  context.diagnostic(
    `${killed} killed of ${rounds}, ${committed} of them committed; a backup takes ${Math.round(duration)} ms; ${seconds} s`,
  );
  assert.equal(killed, KILLS, 'as many were killed in time');
  return { seed };
}

/** Everything that was listed is; what is new besides. */
async function assertUnharmed(options: {
  readonly bench: Workbench;
  readonly before: readonly string[];
  readonly promised: boolean;
}): Promise<string[]> {
  const { bench, before, promised } = options;
  const after = await listed(bench);
  assert.deepEqual(after.slice(0, before.length), before);
  const newer = after.slice(before.length);
  assert.ok(newer.length <= 1 && (newer.length === 1 || !promised), newer.join());
  return newer;
}
