import assert from 'node:assert/strict';
import { join } from 'node:path';
import type { Server } from '../../src/engines/postgres/server/server.ts';
import { machine } from '../../src/host/host.ts';
import type { ListResult, RestoreResult } from '../../src/operations/contract.ts';
import { Workbench } from '../operations/workbench.ts';
import { digestOf } from '../recovery/digest.ts';
import { launchPlaced } from '../recovery/scenario.ts';
import type { TestPostgres } from '../support/postgres.ts';
import { removeTemporary, temporaryDirectory } from '../support/temporary.ts';
import { skippingClock } from './skipping-clock.ts';
import { change } from './small-cluster.ts';

/** A snapshot, and what the database held when it was taken. */
export interface Known {
  readonly id: string;
  readonly digest: readonly string[];
}

const DEFAULT_TTL_MS = 60_000;

/** A bench whose commands wait for nobody's stale lease: as if its time had passed. */
export async function impatientBench(postgres: TestPostgres): Promise<Workbench> {
  const clock = skippingClock();
  const bench = new Workbench();
  bench.host = { ...machine, clock };
  bench.heard = (text) => {
    if (text.startsWith('Waiting')) clock.skip(DEFAULT_TTL_MS);
  };
  await bench.init(postgres);
  return bench;
}

/** `holdfast backup` after a change. */
export async function backUp(bench: Workbench, postgres: TestPostgres): Promise<Known> {
  await change(postgres);
  const { code, err } = await bench.run('backup');
  assert.equal(code, 0, err);
  const id = (await listed(bench)).at(-1);
  assert.ok(id);
  return { id, digest: await digestOf(postgres) };
}

/** `holdfast list`: the repository opens, and nothing half done or damaged is in it. */
export async function listed(bench: Workbench): Promise<string[]> {
  const { snapshots, warnings } = await bench.json<ListResult>('list');
  assert.deepEqual(warnings, []);
  return snapshots.map(({ id }) => id);
}

/** `holdfast restore --snapshot`, and a server started on it: it holds what it held. */
export async function assertRestores(
  bench: Workbench,
  { id, digest }: Known,
  major: number,
): Promise<void> {
  const root = temporaryDirectory();
  const to = join(root, 'restored');
  await bench.json<RestoreResult>('restore', 'main', '--to', to, '--snapshot', id);
  assert.deepEqual(await digestThenStop(await launchPlaced({ directory: to, major })), digest);
  removeTemporary(root);
}

/** What a server holds once it has recovered; it is stopped then. */
export async function digestThenStop(server: Server): Promise<string[]> {
  try {
    await server.recovered(AbortSignal.timeout(60_000));
    return await digestOf(server);
  } finally {
    await server.stop('immediate');
  }
}
