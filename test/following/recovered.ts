import assert from 'node:assert/strict';
import { join } from 'node:path';
import { openSession, type PostgresSource } from '../../src/capture/source.ts';
import { formatInstant, type Instant } from '../../src/content/instant.ts';
import type { Server } from '../../src/engines/postgres/server/server.ts';
import { type LineageState, readLineageState } from '../../src/recovery/lineage-state.ts';
import type { Reached } from '../../src/recovery/recover-server.ts';
import { restore } from '../../src/recovery/restore.ts';
import { type Resolution, resolveTarget } from '../../src/recovery/target/resolve.ts';
import type { Target } from '../../src/recovery/target/target.ts';
import { listLineages } from '../../src/repository/lineages.ts';
import type { Repository } from '../../src/repository/repository.ts';
import { testHost } from '../doubles/host.ts';
import { sourceOf } from '../recovery/scenario.ts';
import { killPostmaster, removeTemporary, temporaryDirectory } from '../support/temporary.ts';
import type { NumberedCommit } from './numbered-commits.ts';

/** What the repository says of the newest lineage, as a restore reads it. */
export async function stateOf(repository: Repository): Promise<LineageState> {
  const lineage = (await listLineages({ repository })).at(-1);
  assert.ok(lineage, 'there is a lineage');
  return await readLineageState({ repository, lineage });
}

/** A restored server with the numbers it holds; it and its directory go at the end of the scope. */
export interface Recovered extends AsyncDisposable {
  readonly server: Server;
  readonly source: PostgresSource;
  readonly resolution: Resolution;
  readonly reached: Reached;
  readonly ids: ReadonlySet<number>;
  query(text: string): Promise<readonly (readonly (string | null)[])[]>;
}

/** Restores from the repository alone and starts a real server, or throws what a user would see. */
export async function recover(options: {
  readonly repository: Repository;
  readonly target: Target;
  readonly timeline?: number;
  readonly tablespaces?: ReadonlyMap<string, string>;
}): Promise<Recovered> {
  const { repository, target, timeline, tablespaces = new Map() } = options;
  const state = await stateOf(repository);
  const source = state.lineage.source;
  const resolution = await resolveTarget({
    source,
    state,
    target,
    ...(timeline !== undefined && { timeline }),
  });
  const root = temporaryDirectory(() => killPostmaster(join(root, 'restored')));
  const { server, reached } = await restore({
    host: testHost(),
    repository,
    source,
    state,
    resolution,
    snapshot: state.snapshotById(resolution.snapshot.id),
    directory: join(root, 'restored'),
    tablespaces,
    start: true,
    workers: 1,
    signal: AbortSignal.timeout(90_000),
  });
  assert.ok(server && reached, 'a started restore has a server');
  const query = async (text: string) => {
    await using session = await openSession(sourceOf(server), { applicationName: 'test' });
    return (await session.query(text)).at(-1)?.rows ?? [];
  };
  return {
    server,
    source: sourceOf(server),
    resolution,
    reached,
    query,
    ids: new Set((await query('select id from commits')).map(([id]) => Number(id))),
    [Symbol.asyncDispose]: async () => {
      await server.stop('immediate');
      removeTemporary(root);
    },
  };
}

/**
 * Every commit that was acknowledged by `present` is there, none that was sent after `absent` is;
 * both sides are counted, so that an empty promise cannot pass.
 */
export function assertExactly(options: {
  readonly recovered: Pick<Recovered, 'ids'>;
  readonly commits: readonly NumberedCommit[];
  readonly present: Instant;
  readonly absent?: Instant;
}): void {
  const { recovered, commits, present, absent } = options;
  const promised = commits.filter(({ acknowledged }) => acknowledged <= present);
  const lost = promised.filter(({ id }) => !recovered.ids.has(id));
  const asked = formatInstant(present);
  assert.ok(promised.length > 0, `something was promised by ${asked}`);
  assert.equal(lost.length, 0, `${lost.length} of ${promised.length} lost of those by ${asked}`);
  if (absent === undefined) return;
  const later = commits.filter(({ sent }) => sent > absent);
  const leaked = later.filter(({ id }) => recovered.ids.has(id));
  assert.ok(later.length > 0, `something came after ${formatInstant(absent)}`);
  assert.equal(leaked.length, 0, `${leaked.length} of ${later.length} came after the target`);
}
