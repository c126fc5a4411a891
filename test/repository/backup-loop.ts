/**
 * Takes one snapshot after the other until it is killed, and says of each when it is committed.
 *
 *   node test/repository/backup-loop.ts <directory> <lineage>
 */
import { openRepository } from '../../src/repository/repository.ts';
import { listSnapshots } from '../../src/repository/snapshots/list-snapshots.ts';
import { beginSnapshot } from '../../src/repository/snapshots/snapshot-writer.ts';
import { FileSystemStore } from '../../src/store/filesystem/file-system-store.ts';
import { testHost } from '../doubles/host.ts';
import { filesOfDay } from './living-database.ts';
import { captureFiles } from './memory-files.ts';

const [root = '', lineage = ''] = process.argv.slice(2);
const host = testHost();
const store = new FileSystemStore({ root, host });
const unlock = { kind: 'key-file', key: Buffer.alloc(32, 1) } as const;
const repository = await openRepository({ store, host, unlock });
process.stdout.write('open\n');
for (;;) {
  const { snapshots } = await listSnapshots({ repository, lineage });
  const parent = snapshots.at(-1);
  const day = parent === undefined ? 0 : (parent.engine as { day: number }).day + 1;
  const begin = { repository, lineage, generation: 1, workers: 1, packTarget: 10_000 };
  await using writer = await beginSnapshot(parent ? { ...begin, parent } : begin);
  await captureFiles(writer, filesOfDay(day));
  await writer.commit({ engine: { day } });
  process.stdout.write(`committed ${day}\n`);
}
