import assert from 'node:assert/strict';
import { openSession } from '../../src/capture/source.ts';
import { runChecks } from '../../src/engines/postgres/check/run-checks.ts';
import { standardChecks } from '../../src/engines/postgres/check/standard-checks.ts';
import type { Server } from '../../src/engines/postgres/server/server.ts';
import { machine } from '../../src/host/host.ts';
import { sourceOf } from './scenario.ts';

/** What the checks of every recovery find in a restored server: pages, heaps, indexes, maps, keys. */
export async function problemsOf(restored: {
  readonly directory: string;
  readonly server?: Server;
}): Promise<string[]> {
  const { directory, server } = restored;
  assert.ok(server, 'it was started');
  const results = await runChecks({
    checks: standardChecks,
    context: {
      host: machine,
      dataDir: directory,
      connect: (database) =>
        openSession(sourceOf(server, 'checked', database), { applicationName: 'test' }),
    },
  });
  return results.flatMap(({ ok, name, detail }) => (ok ? [] : [`${name}: ${detail}`]));
}
