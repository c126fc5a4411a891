import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { listSnapshots } from '../../src/repository/snapshots/list-snapshots.ts';
import { verifySnapshot } from '../../src/repository/snapshots/verify-snapshot.ts';
import { seededRandom } from '../doubles/host.ts';
import { soak } from '../support/soak.ts';
import { filesOfDay } from './living-database.ts';
import { assertSameFiles, restoreToMemory } from './memory-files.ts';
import { temporaryRepository } from './temporary-repository.ts';

const lineage = 'ab'.repeat(16);
const LOOP = fileURLToPath(new URL('./backup-loop.ts', import.meta.url));

test('after kill -9 at any moment, what was committed restores and the next backup works', async () => {
  await using temporary = await temporaryRepository();
  const { repository, root } = temporary;
  const random = seededRandom('kill');
  let committed = -1;
  for (let round = 0; round < soak(100, 8); round += 1) {
    const child = spawn(process.execPath, [LOOP, root, lineage], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const lines = createInterface({ input: child.stdout });
    // So many lines, then so long: the moment does not depend on how fast the machine is today.
    const [after = 0, delay = 0] = random.bytes(2);
    let left = 1 + (after % 3);
    lines.on('line', (line) => {
      const [, day] = /^committed (\d+)$/.exec(line) ?? [];
      if (day !== undefined) committed = Number(day);
      left -= 1;
      if (left === 0) setTimeout(() => child.kill('SIGKILL'), delay);
    });
    const [code, signal] = await once(child, 'close');
    assert.deepEqual([code, signal], [null, 'SIGKILL'], 'it never ends by itself');

    const { snapshots, damaged, offChain } = await listSnapshots({ repository, lineage });
    assert.deepEqual([damaged, offChain], [[], []]);
    // The last one may have been committed without having said so.
    const days = snapshots.map(({ engine }) => (engine as { day: number }).day);
    assert.deepEqual(
      days,
      Array.from(days, (_, day) => day),
    );
    assert.ok(days.length - 1 >= committed && days.length - 1 <= committed + 1);
    const newest = snapshots.at(-1);
    if (newest === undefined) continue;
    assert.ok((await verifySnapshot({ repository, snapshot: newest, level: 'V0' })).ok);
  }
  assert.ok(committed >= 3, `${committed} days`);
  const { snapshots } = await listSnapshots({ repository, lineage });
  for (const [day, snapshot] of snapshots.entries()) {
    const files = [...filesOfDay(day)].map(([path, { bytes }]) => [path, bytes] as const);
    assertSameFiles(await restoreToMemory(repository, snapshot), new Map(files));
  }
});
