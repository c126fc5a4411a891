/**
 * Makes a small repository with everything the format has, always the same way. Run as a program it
 * writes `format-1.json`, once for each version of the format: what was written must stay readable.
 *
 *   node test/repository/golden/make-golden.ts > test/repository/golden/format-1.json
 */
import { hash } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import type { Basis, Shape } from '../../../src/content/capture-sink.ts';
import { putLogPiece } from '../../../src/repository/log/put-log.ts';
import { createRepository } from '../../../src/repository/repository.ts';
import { deleteSnapshot } from '../../../src/repository/snapshots/delete-snapshot.ts';
import type { Snapshot } from '../../../src/repository/snapshots/snapshot.ts';
import { beginSnapshot } from '../../../src/repository/snapshots/snapshot-writer.ts';
import { seededRandom, testHost } from '../../doubles/host.ts';
import { manualClock } from '../../doubles/manual-clock.ts';
import { temporaryStore } from '../../doubles/temporary-store.ts';
import { captureFile } from '../memory-files.ts';

export interface Golden {
  readonly keyFile: string;
  readonly lineage: string;
  /** Of each snapshot that is left, oldest first: path to SHA-256 of the content. */
  readonly snapshots: readonly Readonly<Record<string, string>>[];
  readonly document: string;
  readonly log: { readonly segment: string; readonly bytes: string };
  /** Key to bytes, base64. */
  readonly objects: Readonly<Record<string, string>>;
}

const PAGE = 8192;
const lineage = 'ab'.repeat(16);
const PREFIXES = ['repo.json', 'keys/', 'packs/', 'maps/', 'lineages/'];

export async function makeGolden(seed: string): Promise<Golden> {
  const random = seededRandom(seed);
  const host = testHost({ random, clock: manualClock() });
  await using place = await temporaryStore(host);
  const { store } = place;
  const key = random.bytes(32);
  const recipients = [{ unlock: { kind: 'key-file', key } as const, label: 'golden' }];
  const repository = await createRepository({ store, host, recipients });

  const page = (text: string) => Buffer.alloc(PAGE, text);
  const pages = (...texts: string[]) => Buffer.concat(texts.map(page));
  const paged: Shape = { kind: 'paged', pageSize: PAGE };
  const stream: Shape = { kind: 'stream' };
  const many = Array.from({ length: 60 }, (_, number) => `page ${number}`);
  const take = async (
    parent: Snapshot | undefined,
    files: [string, Shape, Buffer, Basis?, Buffer?][],
  ): Promise<Snapshot> => {
    const begin = { repository, lineage, generation: 1, workers: 1, packTarget: 2000 };
    await using writer = await beginSnapshot(parent ? { ...begin, parent } : begin);
    writer.directory({ path: 'base', mode: 0o700 });
    for (const [path, shape, bytes, basis, content] of files) {
      const partly = basis && content ? { basis, content } : {};
      await captureFile(writer, { path, shape, bytes, ...partly });
    }
    writer.document('label', Buffer.from('the label'));
    return await writer.commit({ engine: { name: 'golden' } });
  };

  const first = pages('one', '\0', 'three', ...many);
  const version = Buffer.from('18\n');
  const ragged = page('ragged').subarray(0, 5000);
  const one = await take(undefined, [
    ['PG_VERSION', stream, version],
    ['base/1', paged, first],
    ['base/2', paged, ragged],
    ['empty', stream, Buffer.alloc(0)],
  ]);
  const second = Buffer.from(first);
  page('changed').copy(second, 2 * PAGE);
  const basis: Basis = { kind: 'pages', pages: Uint32Array.of(2), limit: second.length / PAGE };
  const two = await take(one, [
    ['PG_VERSION', stream, version],
    ['base/1', paged, second, basis, page('changed')],
    ['long', stream, Buffer.alloc(1_200_000, 'stream ')],
  ]);
  await take(two, [['base/1', paged, second]]);
  await deleteSnapshot({ repository, snapshot: two });

  const bytes = Buffer.alloc(3000, 'log ');
  const range = { branch: '1', segment: '000000010000000000000001', from: 0, to: 3000 };
  const index = Buffer.from('the index');
  await putLogPiece({ repository, lineage, ...range, segmentSize: 16 << 20, bytes, index });

  const objects: Record<string, string> = {};
  for (const prefix of PREFIXES) {
    for await (const { key: name } of store.list(prefix)) {
      objects[name] = (await store.get(name)).toString('base64');
    }
  }
  const text = (content: Buffer) => content.toString('base64');
  const sha256 = (content: Buffer) => hash('sha256', content);
  return {
    keyFile: text(key),
    lineage,
    snapshots: [
      {
        PG_VERSION: sha256(version),
        'base/1': sha256(first),
        'base/2': sha256(ragged),
        empty: sha256(Buffer.alloc(0)),
      },
      { 'base/1': sha256(second) },
    ],
    document: 'the label',
    log: { segment: range.segment, bytes: text(bytes) },
    objects,
  };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  process.stdout.write(`${JSON.stringify(await makeGolden('golden'), null, 1)}\n`);
}
