import assert from 'node:assert/strict';
import fs from 'node:fs/promises';
import { join } from 'node:path';
import test from 'node:test';
import { captureFiles, STREAM } from '../../test/repository/memory-files.ts';
import { temporaryRepository } from '../../test/repository/temporary-repository.ts';
import { ensureLineage } from '../repository/lineages.ts';
import type { Repository } from '../repository/repository.ts';
import type { Snapshot } from '../repository/snapshots/snapshot.ts';
import { beginSnapshot } from '../repository/snapshots/snapshot-writer.ts';
import { findSnapshot } from './find-snapshot.ts';

async function take(repository: Repository, source: string, generation: number) {
  const engine = { repository, engine: 'postgres', source, identity: source };
  const { id: lineage } = await ensureLineage(engine);
  await using writer = await beginSnapshot({ repository, lineage, generation, workers: 1 });
  await captureFiles(writer, new Map([['a', { shape: STREAM, bytes: Buffer.from(source) }]]));
  return await writer.commit({ engine: null });
}

/** The longest beginning that both ids share may be empty: then every id has it. */
function sharedStart(a: Snapshot, b: Snapshot): string {
  let length = 0;
  while (a.id[length] === b.id[length]) length++;
  return a.id.slice(0, length);
}

test('a snapshot is found by the beginning of its id, in any source or in one', async () => {
  await using place = await temporaryRepository();
  const { repository } = place;
  const main = await take(repository, 'main', 1);
  const other = await take(repository, 'other', 1);
  for (const prefix of [main.id, main.id.slice(0, 12)]) {
    const found = await findSnapshot({ repository, prefix });
    assert.equal(found.snapshot.id, main.id);
    assert.equal(found.lineage.source, 'main');
  }
  await assert.rejects(findSnapshot({ repository, prefix: other.id, source: 'main' }), {
    code: 'SNAPSHOT_UNKNOWN',
    kind: 'absent',
    message: `There is no single snapshot ${other.id} of main.`,
  });
  await assert.rejects(findSnapshot({ repository, prefix: sharedStart(main, other) }), {
    code: 'SNAPSHOT_AMBIGUOUS',
    kind: 'usage',
    message: new RegExp(`${other.id}, ${main.id}|${main.id}, ${other.id}`),
  });
});

test('a damaged commit may be the one: nothing found is that damage, not absence', async () => {
  await using place = await temporaryRepository();
  const { repository, root } = place;
  const first = await take(repository, 'main', 1);
  const second = await take(repository, 'main', 2);
  const path = join(root, second.key);
  await fs.rm(path);
  await fs.writeFile(path, '{}');
  await assert.rejects(findSnapshot({ repository, prefix: second.id }), {
    code: 'OBJECT_CORRUPT',
    kind: 'corrupt',
  });
  const found = await findSnapshot({ repository, prefix: first.id });
  assert.equal(found.snapshot.id, first.id);
});
