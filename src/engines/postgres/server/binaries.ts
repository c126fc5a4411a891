import { join } from 'node:path';
import type { Host } from '../../../host/host.ts';
import { runProgram } from './run-program.ts';
import type { ServerUser } from './server-user.ts';

/** The programs of one PostgreSQL installation. */
export interface ServerBinaries {
  readonly major: number;
  /** `18.4`, as `postgres -V` says it. */
  readonly version: string;
  readonly directory: string;
  readonly postgres: string;
  readonly initdb: string;
}

export interface BinariesRequest {
  readonly host: Host;
  readonly major: number;
  /** Who will run them; they must be executable by that user. */
  readonly user?: ServerUser | undefined;
}

/** What is installed in `directory`; undefined when there is no server that `user` can run. */
export async function examine(options: {
  readonly directory: string;
  readonly user: ServerUser | undefined;
}): Promise<ServerBinaries | undefined> {
  const { directory, user } = options;
  const postgres = join(directory, 'postgres');
  const { stdout } = await runProgram(postgres, ['-V'], { user });
  const match = /^postgres \(PostgreSQL\) ((\d+)\S*)/.exec(stdout);
  if (!match) return undefined;
  const [, version = '', major] = match;
  return { major: Number(major), version, directory, postgres, initdb: join(directory, 'initdb') };
}
