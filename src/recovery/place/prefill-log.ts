import { join } from 'node:path';
import type { Host } from '../../host/host.ts';
import type { SpoolFile } from '../spool/wal-spool.ts';
import { atDestination } from './destination-error.ts';

/**
 * Puts the log a restore needs into pg_wal itself, so that the directory recovers on its own.
 * Each segment is marked as archived: it is, and must not be pushed to production's archive again.
 * Sealing the placement gives the files away and makes their names durable.
 */
export async function prefillLog(options: {
  readonly host: Host;
  readonly directory: string;
  readonly files: readonly SpoolFile[];
}): Promise<void> {
  const { host, directory, files } = options;
  const wal = join(directory, 'pg_wal');
  const status = join(wal, 'archive_status');
  await atDestination(directory, () =>
    host.fs.promises.mkdir(status, { recursive: true, mode: 0o700 }),
  );
  for (const { name, fetch } of files) {
    const bytes = await fetch();
    await atDestination(directory, async () => {
      await writeNew({ host, path: join(wal, name), bytes });
      await writeNew({ host, path: join(status, `${name}.done`), bytes: Buffer.alloc(0) });
    });
  }
}

async function writeNew(options: {
  readonly host: Host;
  readonly path: string;
  readonly bytes: Buffer;
}): Promise<void> {
  const handle = await options.host.fs.promises.open(options.path, 'wx', 0o600);
  try {
    await handle.writeFile(options.bytes);
    await handle.sync();
  } finally {
    await handle.close();
  }
}
