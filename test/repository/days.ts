import { randomBytes } from 'node:crypto';
import { isHoldfastError } from '../../src/errors/holdfast-error.ts';
import type { Repository } from '../../src/repository/repository.ts';
import type { Snapshot } from '../../src/repository/snapshots/snapshot.ts';
import { beginSnapshot } from '../../src/repository/snapshots/snapshot-writer.ts';
import type { Store } from '../../src/store/store.ts';
import {
  assertSameFiles,
  captureFiles,
  type Files,
  PAGE,
  PAGED,
  restoreToMemory,
  STREAM,
} from './memory-files.ts';

export const lineage = 'ab'.repeat(16);
/** For `assert.rejects`. */
export const code = (expected: Parameters<typeof isHoldfastError>[1]) => (error: unknown) =>
  isHoldfastError(error, expected);

/** A file of random pages, and what it becomes day after day. */
export function days(count: number): Files[] {
  const result: Files[] = [];
  let bytes = randomBytes(40 * PAGE);
  for (let day = 0; day < count; day += 1) {
    bytes = Buffer.concat([bytes, randomBytes(PAGE)]);
    for (let page = day; page < 40; page += 7) randomBytes(PAGE).copy(bytes, page * PAGE);
    result.push(
      new Map([
        ['base/5/1', { shape: PAGED, bytes }],
        ['day', { shape: STREAM, bytes: Buffer.from(`day ${day}`) }],
      ]),
    );
  }
  return result;
}

export async function take(options: {
  repository: Repository;
  files: Files;
  parent?: Snapshot | undefined;
  generation?: number;
}): Promise<Snapshot> {
  const { repository, files, parent, generation = 1 } = options;
  const against = parent === undefined ? {} : { parent };
  const begin = { repository, lineage, generation, workers: 1, packTarget: 100_000, ...against };
  await using writer = await beginSnapshot(begin);
  await captureFiles(writer, files);
  return await writer.commit({ engine: null });
}

export async function takeAll(repository: Repository, all: Files[]): Promise<Snapshot[]> {
  const taken: Snapshot[] = [];
  for (const files of all) taken.push(await take({ repository, files, parent: taken.at(-1) }));
  return taken;
}

export async function assertRestores(repository: Repository, snapshot: Snapshot, files: Files) {
  const expected = new Map([...files].map(([name, { bytes }]) => [name, bytes]));
  assertSameFiles(await restoreToMemory(repository, snapshot), expected);
}

export async function objectsBelow(store: Store, ...prefixes: string[]): Promise<string[]> {
  const keys: string[] = [];
  for (const prefix of prefixes) for await (const { key } of store.list(prefix)) keys.push(key);
  return keys;
}
