import { HoldfastError } from '../../../errors/holdfast-error.ts';
import type { ServerBinaries } from './binaries.ts';
import { runProgram } from './run-program.ts';
import type { ServerUser } from './server-user.ts';

/** Creates a cluster in `dataDir`, which must be absent or empty and belong to `user`. */
export async function initdb(options: {
  readonly binaries: ServerBinaries;
  readonly dataDir: string;
  readonly user: ServerUser | undefined;
  readonly superuser: string;
  /** Further arguments: `--data-checksums`, `--wal-segsize=1`, … */
  readonly args?: readonly string[];
}): Promise<void> {
  const { binaries, dataDir, user, superuser, args = [] } = options;
  const { exitCode, reason } = await runProgram(
    binaries.initdb,
    ['-D', dataDir, '-U', superuser, '-E', 'UTF8', '--no-locale', '-N', '-A', 'trust', ...args],
    { user },
  );
  if (exitCode !== 0) throw new HoldfastError('POSTGRES_INITDB_FAILED', { dataDir, reason });
}
