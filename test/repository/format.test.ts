import assert from 'node:assert/strict';
import { hash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { listLog } from '../../src/repository/log/list-log.ts';
import type { LogPiece } from '../../src/repository/log/log-piece.ts';
import { readLogSegment } from '../../src/repository/log/segment.ts';
import { openRepository } from '../../src/repository/repository.ts';
import { listSnapshots } from '../../src/repository/snapshots/list-snapshots.ts';
import { readDocument } from '../../src/repository/snapshots/read-snapshot.ts';
import { verifySnapshot } from '../../src/repository/snapshots/verify-snapshot.ts';
import { testHost } from '../doubles/host.ts';
import { temporaryStore } from '../doubles/temporary-store.ts';
import { type Golden, makeGolden } from './golden/make-golden.ts';
import { restoreToMemory } from './memory-files.ts';
import { readPiece } from './second-reader/log.ts';
import { readRepository } from './second-reader/snapshots.ts';

const kept: Golden = JSON.parse(
  await readFile(new URL('./golden/format-1.json', import.meta.url), 'utf8'),
);

const objectsOf = (golden: Golden) =>
  Object.fromEntries(
    Object.entries(golden.objects).map(([key, text]) => [key, Buffer.from(text, 'base64')]),
  );
const digests = (files: ReadonlyMap<string, Buffer>) =>
  Object.fromEntries([...files].map(([path, bytes]) => [path, hash('sha256', bytes)]));

for (const [name, golden] of [
  ['kept since format 1', kept],
  ['written now', await makeGolden('now')],
] as const) {
  test(`a repository ${name} is what the specification says`, () => {
    const objects = objectsOf(golden);
    const keyFile = Buffer.from(golden.keyFile, 'base64');
    const { secrets, snapshots } = readRepository(objects, keyFile);
    assert.equal(snapshots.length, golden.snapshots.length);
    for (const [index, snapshot] of snapshots.entries()) {
      assert.deepEqual(digests(snapshot.files), golden.snapshots[index]);
      assert.deepEqual(snapshot.directories, new Map([['base', 0o700]]));
      assert.equal(String(snapshot.documents.get('label')), golden.document);
      assert.deepEqual(snapshot.engine, { name: 'golden' });
    }
    const piece = Object.keys(objects).find((key) => key.includes('/log/')) as string;
    const { bytes, index } = readPiece(secrets, objects[piece] as Buffer);
    assert.deepEqual(bytes, Buffer.from(golden.log.bytes, 'base64'));
    assert.equal(String(index), 'the index');
  });

  test(`a repository ${name} is read by this program`, async () => {
    await using place = await temporaryStore();
    const { store } = place;
    for (const [key, bytes] of Object.entries(objectsOf(golden))) await store.put(key, bytes);
    const key = Buffer.from(golden.keyFile, 'base64');
    const unlock = { kind: 'key-file', key } as const;
    const repository = await openRepository({ store, host: testHost(), unlock });
    const { lineage } = golden;
    const { snapshots, damaged, offChain } = await listSnapshots({ repository, lineage });
    assert.deepEqual([damaged, offChain], [[], []]);
    assert.equal(snapshots.length, golden.snapshots.length);
    for (const [index, snapshot] of snapshots.entries()) {
      const restored = await restoreToMemory(repository, snapshot);
      assert.deepEqual(digests(restored), golden.snapshots[index]);
      const report = await verifySnapshot({ repository, snapshot, level: 'V3', workers: 1 });
      assert.deepEqual(report.problems, []);
      const label = await readDocument({ repository, snapshot, name: 'label' });
      assert.equal(label.toString(), golden.document);
    }
    const pieces: LogPiece[] = [];
    for await (const piece of listLog({ repository, lineage })) pieces.push(piece);
    assert.equal(pieces[0]?.segment, golden.log.segment);
    const { bytes } = await readLogSegment({ repository, pieces });
    assert.deepEqual(bytes, Buffer.from(golden.log.bytes, 'base64'));
  });
}
