import { join } from 'node:path';
import { giveTo, type ServerUser } from '../../engines/postgres/server/server-user.ts';
import type { Host } from '../../host/host.ts';
import type { SpoolFile } from '../spool/wal-spool.ts';

/**
 * Puts the log a restore needs into pg_wal itself, so that the directory recovers on its own.
 * Each segment is marked as archived: it is, and must not be pushed to production's archive again.
 */
export async function prefillLog(options: {
  readonly host: Host;
  readonly directory: string;
  readonly files: readonly SpoolFile[];
  readonly user: ServerUser | undefined;
}): Promise<void> {
  const { host, directory, files, user } = options;
  const { promises: fs } = host.fs;
  const wal = join(directory, 'pg_wal');
  const status = join(wal, 'archive_status');
  await fs.mkdir(status, { recursive: true, mode: 0o700 });
  for (const path of [wal, status]) await giveTo({ host, path, user });
  for (const { name, fetch } of files) {
    for (const [path, bytes] of [
      [join(wal, name), await fetch()],
      [join(status, `${name}.done`), Buffer.alloc(0)],
    ] as const) {
      const handle = await fs.open(path, 'wx', 0o600);
      try {
        await handle.writeFile(bytes);
        await handle.sync();
      } finally {
        await handle.close();
      }
      await giveTo({ host, path, user });
    }
  }
}
